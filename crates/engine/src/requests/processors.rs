//! What operators and merchants ask for of processor accounts.

use florin_domain::{AccountPosition, Metadata, ProcessorName};
pub use florin_processors::{Credentials, MalformedCredentials};

/// A processor account to add.
#[derive(Clone, Debug)]
pub struct CreateProcessorAccount {
    /// What payments will call it.
    pub name: ProcessorName,
    /// Which connector speaks to the processor.
    pub connector: ProcessorName,
    /// What opens the account at the processor.
    pub credentials: Credentials,
    /// What the connector has to know beside that.
    pub settings: Metadata,
    /// Whether it takes new charges.
    pub enabled: bool,
    /// Its place among the others.
    pub position: AccountPosition,
}
