//! The real binary: its commands, and its servers from banner to end.

mod commands;
mod exports;
mod processors;
mod serving;
mod support;
