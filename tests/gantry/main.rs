//! The scenarios that run the real binary. Which real servers they start beside it: `tests/README.md`.
// Helpers of tests fail by panicking, as tests do.
#![allow(clippy::unwrap_used)]

mod admin;
mod alertmanager;
mod alerts;
mod backtest;
mod bad_input;
mod cli;
mod conformance;
mod crash;
mod deletes;
mod doors;
mod endurance;
mod grafana;
mod harness;
mod late;
mod machine;
mod metrics_crash;
mod metrics_in;
mod metrics_trouble;
mod otel;
mod prometheus_api;
mod promql;
mod reload;
mod remote_write;
mod rotation;
mod rules;
mod rules_cli;
mod s3;
mod scale;
mod tail;
mod tidy;
mod transfer;
mod transform;
mod trouble;
