//! Log lines as templates and typed variables.
