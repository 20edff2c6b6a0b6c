//! What LogQL means, construct by construct: each case is a query, a line and what must come out, worked out by hand from
//! Loki's documentation.

mod harness;
mod stages;
mod templates;
mod wrong;
