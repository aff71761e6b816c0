//! Processor accounts and routes as callers see them. Credentials are in no answer.

use std::collections::BTreeMap;

use florin_domain::{
    Actor, Currency, MethodType, ProcessorAccount, ProcessorAccountId, ProcessorRoutes, RouteRule, TenantId,
};
use florin_storage::Realm;
use serde::Serialize;
use utoipa::ToSchema;

use super::payment::as_text;
use super::{Timestamp, schema};

/// An account with a payment processor.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = ProcessorAccount)]
pub struct ProcessorAccountResponse<'a> {
    /// The account.
    #[schema(value_type = schema::ProcessorAccountIdSchema)]
    pub id: ProcessorAccountId,
    /// What payments and attempts call it in `processor`. It never changes.
    pub name: &'a str,
    /// Which connector speaks to the processor.
    pub connector: &'a str,
    /// Whether it takes new charges. What it has charged it captures, voids and refunds in any case.
    pub enabled: bool,
    /// Its place where no rule of the routes says otherwise: lower ones first, older ones first among equals.
    pub position: i64,
    /// What the connector has to know beside the credentials.
    #[schema(value_type = schema::MetadataSchema)]
    pub settings: &'a BTreeMap<String, String>,
    /// Which of the server's keys its credentials are encrypted with.
    pub credentials_key_id: &'a str,
    /// When its credentials were given.
    #[schema(value_type = schema::TimeSchema)]
    pub credentials_updated_at: Timestamp,
    /// Whether real money moves.
    pub livemode: bool,
    /// Whose it is.
    #[schema(value_type = schema::TenantIdSchema)]
    pub tenant_id: TenantId,
    /// Who created it.
    #[serde(serialize_with = "as_text")]
    #[schema(value_type = schema::ActorSchema)]
    pub created_by: Actor,
    /// Who changed it last.
    #[serde(serialize_with = "as_text")]
    #[schema(value_type = schema::ActorSchema)]
    pub updated_by: Actor,
    /// When it was created.
    #[schema(value_type = schema::TimeSchema)]
    pub created_at: Timestamp,
    /// When it changed last.
    #[schema(value_type = schema::TimeSchema)]
    pub updated_at: Timestamp,
}

impl<'a> ProcessorAccountResponse<'a> {
    /// The view of an account.
    pub fn new(account: &'a ProcessorAccount) -> Self {
        ProcessorAccountResponse {
            id: account.id,
            name: account.name.as_str(),
            connector: account.connector.as_str(),
            enabled: account.enabled,
            position: account.position.number(),
            settings: account.settings.as_map(),
            credentials_key_id: &account.credentials.key_id,
            credentials_updated_at: Timestamp(account.credentials_changed_at),
            livemode: account.mode.is_live(),
            tenant_id: account.tenant_id,
            created_by: account.created_by,
            updated_by: account.updated_by,
            created_at: Timestamp(account.id.created_at()),
            updated_at: Timestamp(account.updated_at),
        }
    }
}

/// Which processor accounts take which charges: the first rule that is about a charge decides. Without one, all enabled
/// accounts that can take it do, in the order of their positions.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = ProcessorRoutes)]
pub struct ProcessorRoutesResponse<'a> {
    /// The rules, in the order in which they are asked.
    pub rules: Vec<RouteRuleResponse<'a>>,
    /// Whether real money moves.
    pub livemode: bool,
    /// Whose they are.
    #[schema(value_type = schema::TenantIdSchema)]
    pub tenant_id: TenantId,
    /// Who changed them last; null while nobody has.
    #[serde(serialize_with = "as_text_or_null")]
    #[schema(required, value_type = Option<schema::ActorSchema>)]
    pub updated_by: Option<Actor>,
    /// When they changed last.
    #[schema(required, value_type = Option<schema::TimeSchema>)]
    pub updated_at: Option<Timestamp>,
}

/// A rule of the routes.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = RouteRule)]
pub struct RouteRuleResponse<'a> {
    /// For this kind of money; null for any.
    #[schema(required, value_type = Option<schema::MethodTypeSchema>)]
    pub payment_method_type: Option<MethodType>,
    /// For this currency; null for any.
    #[schema(required, value_type = Option<schema::CurrencySchema>)]
    pub currency: Option<Currency>,
    /// The accounts, the first of which is tried first. None: such charges are refused.
    #[schema(value_type = Vec<schema::ProcessorAccountIdSchema>)]
    pub accounts: &'a [ProcessorAccountId],
}

impl<'a> ProcessorRoutesResponse<'a> {
    /// The view of a realm's routes, which may never have been set.
    pub fn new(realm: Realm, routes: Option<&'a ProcessorRoutes>) -> Self {
        let rules = routes.map_or(&[][..], |routes| &routes.rules);
        ProcessorRoutesResponse {
            rules: rules.iter().map(RouteRuleResponse::new).collect(),
            livemode: realm.mode.is_live(),
            tenant_id: realm.tenant_id,
            updated_by: routes.map(|routes| routes.updated_by),
            updated_at: routes.map(|routes| Timestamp(routes.updated_at)),
        }
    }
}

impl<'a> RouteRuleResponse<'a> {
    fn new(rule: &'a RouteRule) -> Self {
        RouteRuleResponse {
            payment_method_type: rule.payment_method_type,
            currency: rule.currency,
            accounts: &rule.accounts,
        }
    }
}

fn as_text_or_null<S: serde::Serializer>(actor: &Option<Actor>, serializer: S) -> Result<S::Ok, S::Error> {
    match actor {
        Some(actor) => serializer.collect_str(actor),
        None => serializer.serialize_none(),
    }
}
