//! The books as a processor's list of movements.

use std::collections::BTreeMap;
use std::path::Path;

use florin_domain::{Amount, AttemptId, AttemptKind};

use super::books::{Books, BooksError};
use super::entry::{Entry, EntryOutcome};
use crate::{Movement, MovementKind, MovementPage, MovementStatus, Window};

const PAGE: usize = 100;

/// A page of the movements of a window. A cursor is the last attempt of the page before.
pub(super) fn page(
    books: &Path,
    window: Window,
    after: Option<AttemptId>,
) -> Result<MovementPage, BooksError> {
    let mut movements = all(books)?;
    movements.retain(|id, movement| {
        window.from <= movement.at && movement.at < window.until && after.is_none_or(|after| *id > after)
    });
    let next = movements.keys().nth(PAGE - 1).filter(|_| movements.len() > PAGE).map(AttemptId::to_string);
    Ok(MovementPage { movements: movements.into_values().take(PAGE).collect(), next })
}

/// Every movement, by the attempt that made it. Holds all of them in memory.
fn all(books: &Path) -> Result<BTreeMap<AttemptId, Movement>, BooksError> {
    let mut movements: BTreeMap<AttemptId, Movement> = BTreeMap::new();
    let mut charges: BTreeMap<String, AttemptId> = BTreeMap::new();
    for entry in Books::read(books)? {
        let entry = entry?;
        match entry.kind {
            AttemptKind::Charge | AttemptKind::Refund => {
                if let Some(known) = movements.get_mut(&entry.attempt_id) {
                    known.status = status(&entry);
                } else if let Some(movement) = movement(&entry) {
                    charges.insert(entry.reference.clone(), entry.attempt_id);
                    movements.insert(entry.attempt_id, movement);
                }
            }
            AttemptKind::Capture | AttemptKind::Void if entry.outcome == EntryOutcome::Succeeded => {
                let charge = entry.charge_reference.as_ref().and_then(|reference| charges.get(reference));
                let Some(charge) = charge.and_then(|id| movements.get_mut(id)) else { continue };
                charge.amount_minor = entry.amount.map_or(charge.amount_minor, Amount::minor);
                charge.status = match entry.kind {
                    AttemptKind::Void => MovementStatus::Failed,
                    _ => MovementStatus::Succeeded,
                };
            }
            AttemptKind::Capture | AttemptKind::Void => {}
        }
    }
    Ok(movements)
}

fn movement(entry: &Entry) -> Option<Movement> {
    Some(Movement {
        reference: entry.reference.clone(),
        attempt_id: Some(entry.attempt_id),
        payment_id: Some(entry.payment_id),
        kind: match entry.kind {
            AttemptKind::Refund => MovementKind::Refund,
            _ => MovementKind::Charge,
        },
        amount_minor: entry.amount?.minor(),
        currency: entry.currency?,
        status: status(entry),
        at: entry.at,
    })
}

fn status(entry: &Entry) -> MovementStatus {
    match entry.outcome {
        EntryOutcome::Succeeded if entry.capture == Some(false) => MovementStatus::Authorized,
        EntryOutcome::Succeeded | EntryOutcome::Returned => MovementStatus::Succeeded,
        EntryOutcome::Declined { .. } => MovementStatus::Failed,
        EntryOutcome::Pending | EntryOutcome::RequiresAction => MovementStatus::Open,
    }
}
