//! How many exports may run at the same time: each has a connection and keeps a snapshot open.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use florin_domain::TenantId;

/// How many in all.
const LIMIT: usize = 4;
/// How many of one tenant, so that nobody takes them all.
const LIMIT_PER_TENANT: usize = 2;

/// The exports that run, by tenant.
#[derive(Clone, Default)]
pub(crate) struct ExportSlots(Arc<Mutex<BTreeMap<TenantId, usize>>>);

/// The right to run one export, until this goes.
pub(super) struct ExportSlot {
    slots: ExportSlots,
    tenant_id: TenantId,
}

impl ExportSlots {
    /// A slot, unless too many are taken.
    pub(super) fn take(&self, tenant_id: TenantId) -> Option<ExportSlot> {
        let mut running = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if running.values().sum::<usize>() >= LIMIT {
            return None;
        }
        let own = running.entry(tenant_id).or_default();
        if *own >= LIMIT_PER_TENANT {
            return None;
        }
        *own += 1;
        Some(ExportSlot { slots: self.clone(), tenant_id })
    }
}

impl Drop for ExportSlot {
    fn drop(&mut self) {
        let mut running = self.slots.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(own) = running.get_mut(&self.tenant_id) {
            *own = own.saturating_sub(1);
            if *own == 0 {
                running.remove(&self.tenant_id);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tenant_has_some_of_the_slots_all_have_more_and_each_comes_back() {
        let slots = ExportSlots::default();
        let tenant = |number| TenantId::from_bytes([number; 16]);
        let take = |number| slots.take(tenant(number));
        let (first, _second) = (take(1).unwrap(), take(1).unwrap());
        assert!(take(1).is_none());
        let (_third, fourth) = (take(2).unwrap(), take(3).unwrap());
        assert!(take(4).is_none());
        drop(fourth);
        assert!(take(1).is_none());
        drop(first);
        let _again = take(1).unwrap();
        assert!(take(4).is_some());
    }
}
