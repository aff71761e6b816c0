//! The real binary: its commands, and its servers from banner to end.

mod commands;
mod exports;
mod serving;
mod support;
