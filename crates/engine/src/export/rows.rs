//! Objects as the rows of an export: the views that the API shows, in either format.

use std::io;

use florin_domain::{Attempt, Payment, Refund, Transaction};

use super::ExportFormat;
use super::cells::Cells;
use crate::views::{PaymentResponse, RefundResponse, TransactionResponse};

/// An object that can be a row.
pub(super) trait Exportable {
    /// What its columns are called: the keys of its view, without what is a list.
    const COLUMNS: &'static [&'static str];

    /// Adds its view, as JSON.
    fn write_json(&self, out: &mut Vec<u8>) -> io::Result<()>;
}

impl Exportable for (Payment, Vec<Attempt>) {
    const COLUMNS: &'static [&'static str] = &[
        "id",
        "amount",
        "currency",
        "status",
        "payment_status",
        "amount_authorized",
        "amount_captured",
        "amount_refunded",
        "amount_refundable",
        "amount_returned",
        "capture_method",
        "payment_method_id",
        "payment_method_type",
        "customer_id",
        "destination_type",
        "destination_id",
        "invoice_number",
        "description",
        "metadata",
        "idempotency_key",
        "processor",
        "processor_reference",
        "track_attempts",
        "next_action",
        "return_url",
        "off_session",
        "error_code",
        "error_message",
        "cancellation_reason",
        "authorization_expires_at",
        "authorized_at",
        "succeeded_at",
        "failed_at",
        "canceled_at",
        "refunded_at",
        "livemode",
        "tenant_id",
        "created_by",
        "updated_by",
        "created_at",
        "updated_at",
    ];

    fn write_json(&self, out: &mut Vec<u8>) -> io::Result<()> {
        Ok(serde_json::to_writer(out, &PaymentResponse::new(&self.0, self.1.iter()))?)
    }
}

impl Exportable for Refund {
    const COLUMNS: &'static [&'static str] = &[
        "id",
        "payment_id",
        "amount",
        "currency",
        "status",
        "reason",
        "metadata",
        "processor_reference",
        "error_code",
        "error_message",
        "livemode",
        "tenant_id",
        "created_by",
        "created_at",
        "updated_at",
    ];

    fn write_json(&self, out: &mut Vec<u8>) -> io::Result<()> {
        Ok(serde_json::to_writer(out, &RefundResponse::new(self))?)
    }
}

impl Exportable for Transaction {
    const COLUMNS: &'static [&'static str] = &[
        "id",
        "type",
        "amount",
        "currency",
        "debit_account",
        "credit_account",
        "payment_id",
        "refund_id",
        "customer_id",
        "metadata",
        "reference_id",
        "notes",
        "livemode",
        "tenant_id",
        "created_by",
        "updated_by",
        "created_at",
        "updated_at",
    ];

    fn write_json(&self, out: &mut Vec<u8>) -> io::Result<()> {
        Ok(serde_json::to_writer(out, &TransactionResponse::new(self))?)
    }
}

/// Rows that wait to be handed on.
pub(super) enum Rows {
    /// As JSON lines.
    Jsonl(Vec<u8>),
    /// As CSV.
    Csv(Box<Cells>),
}

impl Rows {
    /// No objects, and in CSV the header.
    pub(super) fn begin(format: ExportFormat, columns: &'static [&'static str]) -> io::Result<Self> {
        Ok(match format {
            ExportFormat::Jsonl => Rows::Jsonl(Vec::new()),
            ExportFormat::Csv => Rows::Csv(Box::new(Cells::begin(columns)?)),
        })
    }

    /// Adds an object.
    pub(super) fn add<T: Exportable>(&mut self, object: &T) -> io::Result<()> {
        match self {
            Rows::Jsonl(lines) => {
                object.write_json(lines)?;
                lines.push(b'\n');
                Ok(())
            }
            Rows::Csv(cells) => cells.add(|json| object.write_json(json)),
        }
    }

    /// How many bytes wait; in CSV a few thousand more may.
    pub(super) fn len(&self) -> usize {
        match self {
            Rows::Jsonl(lines) => lines.len(),
            Rows::Csv(cells) => cells.len(),
        }
    }

    /// All that waits.
    pub(super) fn take(&mut self) -> io::Result<Vec<u8>> {
        match self {
            Rows::Jsonl(lines) => Ok(std::mem::take(lines)),
            Rows::Csv(cells) => cells.take(),
        }
    }
}
