//! The real binary: its commands, and its servers from banner to end.

mod commands;
mod demo;
mod exports;
mod processors;
mod serving;
mod support;
