//! LogQL: text to syntax tree and back.
//!
//! Pure and synchronous. It never evaluates, never looks at data, and knows nothing of templates beyond their place.
//!
//! Start with [`ast::Expr`].

pub mod ast;
