//! JSON Schemas of the domain's types, for the OpenAPI document.

use std::borrow::Cow;
use std::marker::PhantomData;

use florin_domain::{
    Account, Actor, Amount, AttemptId, AttemptStatus, AuditAction, AuditEntryId, CaptureMethod, Currency,
    CustomerId, DeliveryId, DeliveryStatus, DestinationType, DisabledReason, EventId, EventType, FailureCode,
    InvoiceId, InvoiceStatus, KeyId, Metadata, MethodType, OpenItemId, OpenItemStatus, OpenItemType,
    PaymentId, PaymentRequestId, PaymentRequestStatus, PaymentRequestType, PaymentStatus, ProcessorAccountId,
    RefundId, RefundStatus, Resolution, Role, SessionId, Status, StoredMethodId, TenantId, Total,
    TransactionId, TransactionType, UserId, WebhookEndpointId,
};
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::{
    AdditionalProperties, KnownFormat, Object, ObjectBuilder, Schema, SchemaFormat, SchemaType, Type,
};
use utoipa::{PartialSchema, ToSchema};

use super::Timestamp;

/// A text without U+0000.
pub const TEXT_PATTERN: &str = r"^[^\x00]*$";

/// A type with a schema and a name for it in the document.
pub trait NamedSchema {
    /// The name.
    const NAME: &'static str;

    /// The schema.
    fn schema() -> Object;
}

/// Stands for a type of another crate where utoipa wants a schema.
pub struct As<T>(PhantomData<T>);

impl<T: NamedSchema> PartialSchema for As<T> {
    fn schema() -> RefOr<Schema> {
        RefOr::T(Schema::Object(T::schema()))
    }
}

impl<T: NamedSchema> ToSchema for As<T> {
    fn name() -> Cow<'static, str> {
        Cow::Borrowed(T::NAME)
    }
}

macro_rules! named_schemas {
    ($($alias:ident for $type:ident as $name:literal = $schema:expr;)+) => {
        $(
            #[doc = concat!("The schema of [`", stringify!($type), "`].")]
            pub type $alias = As<$type>;

            impl NamedSchema for $type {
                const NAME: &'static str = $name;

                fn schema() -> Object {
                    $schema.build()
                }
            }
        )+

        /// Every named schema.
        pub fn named() -> Vec<(&'static str, Object)> {
            vec![$( ($name, <$type as NamedSchema>::schema()), )+]
        }
    };
}

named_schemas! {
    PaymentIdSchema for PaymentId as "PaymentId" = id(PaymentId::PREFIX);
    RefundIdSchema for RefundId as "RefundId" = id(RefundId::PREFIX);
    AttemptIdSchema for AttemptId as "AttemptId" = id(AttemptId::PREFIX);
    CustomerIdSchema for CustomerId as "CustomerId" = id(CustomerId::PREFIX);
    InvoiceIdSchema for InvoiceId as "InvoiceId" = id(InvoiceId::PREFIX);
    StoredMethodIdSchema for StoredMethodId as "StoredMethodId" = id(StoredMethodId::PREFIX);
    TransactionIdSchema for TransactionId as "TransactionId" = id(TransactionId::PREFIX);
    ProcessorAccountIdSchema for ProcessorAccountId as "ProcessorAccountId" = id(ProcessorAccountId::PREFIX);
    KeyIdSchema for KeyId as "KeyId" = id(KeyId::PREFIX);
    AuditEntryIdSchema for AuditEntryId as "AuditEntryId" = id(AuditEntryId::PREFIX);
    AuditActionSchema for AuditAction as "AuditAction" = words(AuditAction::WORDS);
    SessionIdSchema for SessionId as "SessionId" = id(SessionId::PREFIX);
    UserIdSchema for UserId as "UserId" = id(UserId::PREFIX);
    RoleSchema for Role as "Role" = words(Role::WORDS);
    TenantIdSchema for TenantId as "TenantId" = id(TenantId::PREFIX);
    StatusSchema for Status as "Status" = words(Status::WORDS);
    PaymentStatusSchema for PaymentStatus as "PaymentStatus" = words(PaymentStatus::WORDS);
    CaptureMethodSchema for CaptureMethod as "CaptureMethod" = words(CaptureMethod::WORDS);
    MethodTypeSchema for MethodType as "PaymentMethodType" = words(MethodType::WORDS);
    DestinationTypeSchema for DestinationType as "DestinationType" = words(DestinationType::WORDS);
    AttemptStatusSchema for AttemptStatus as "AttemptStatus" = words(AttemptStatus::WORDS);
    RefundStatusSchema for RefundStatus as "RefundStatus" = words(RefundStatus::WORDS);
    PaymentRequestIdSchema for PaymentRequestId as "PaymentRequestId" = id(PaymentRequestId::PREFIX);
    PaymentRequestTypeSchema for PaymentRequestType as "PaymentRequestType" = words(PaymentRequestType::WORDS);
    PaymentRequestStatusSchema for PaymentRequestStatus as "PaymentRequestStatus" = words(PaymentRequestStatus::WORDS);
    InvoiceStatusSchema for InvoiceStatus as "InvoiceStatus" = words(InvoiceStatus::WORDS);
    TransactionTypeSchema for TransactionType as "TransactionType" = words(TransactionType::WORDS);
    AccountSchema for Account as "Account" = account();
    OpenItemIdSchema for OpenItemId as "OpenItemId" = id(OpenItemId::PREFIX);
    OpenItemTypeSchema for OpenItemType as "OpenItemType" = words(OpenItemType::WORDS);
    OpenItemStatusSchema for OpenItemStatus as "OpenItemStatus" = words(OpenItemStatus::WORDS);
    EventIdSchema for EventId as "EventId" = id(EventId::PREFIX);
    EventTypeSchema for EventType as "EventType" = words(EventType::WORDS);
    WebhookEndpointIdSchema for WebhookEndpointId as "WebhookEndpointId" = id(WebhookEndpointId::PREFIX);
    DisabledReasonSchema for DisabledReason as "DisabledReason" = words(DisabledReason::WORDS);
    DeliveryIdSchema for DeliveryId as "DeliveryId" = id(DeliveryId::PREFIX);
    DeliveryStatusSchema for DeliveryStatus as "DeliveryStatus" = words(DeliveryStatus::WORDS);
    ResolutionSchema for Resolution as "Resolution" = words(Resolution::WORDS);
    FailureCodeSchema for FailureCode as "FailureCode" = words(FailureCode::WORDS);
    AmountSchema for Amount as "Amount" = minor_units(1);
    TotalSchema for Total as "Total" = minor_units(0);
    CurrencySchema for Currency as "Currency" = string().pattern(Some("^[A-Z]{3}$")).examples(["USD"]);
    ActorSchema for Actor as "Actor" = string().pattern(Some("^((key|usr)_[0-9a-hjkmnp-tv-z]{26}|operator|system|payer)$"));
    MetadataSchema for Metadata as "Metadata" = metadata(text(Metadata::MAX_VALUE_CHARS).build());
    TimeSchema for Timestamp as "Time" = time();
}

const EXAMPLE_SUFFIX: &str = "01k9dcq4w0e7qs9x3v5m8ffh2a";

fn words(words: &'static [&'static str]) -> ObjectBuilder {
    string().enum_values(Some(words.iter().copied()))
}

/// The ids of a prefix. The pattern demands UUID version 7, as the parser does.
fn id(prefix: &str) -> ObjectBuilder {
    let any = "[0-9a-hjkmnp-tv-z]";
    let pattern = format!("^{prefix}_[0-7]{any}{{9}}[ef]{any}{{2}}[89abrstv]{any}{{12}}$");
    string().pattern(Some(pattern)).examples([format!("{prefix}_{EXAMPLE_SUFFIX}")])
}

/// The accounts of the journal.
fn account() -> ObjectBuilder {
    let pattern = "^(merchant|offline_cash|customer_credits|processor_clearing:[!-~]+)$";
    text(MAX_ACCOUNT_CHARS).pattern(Some(pattern)).examples(["processor_clearing:sandbox"])
}

/// How many characters an account's name may have.
pub const MAX_ACCOUNT_CHARS: usize = 100;

/// A schema of texts, to be narrowed.
pub fn string() -> ObjectBuilder {
    ObjectBuilder::new().schema_type(Type::String)
}

/// The same, or null.
pub fn nullable(builder: ObjectBuilder) -> Object {
    let mut object = builder.build();
    if let SchemaType::Type(known) = object.schema_type.clone() {
        object.schema_type = SchemaType::Array(vec![known, Type::Null]);
    }
    // An enum that leaves out null would refuse it, whatever the type says.
    if let Some(values) = &mut object.enum_values {
        values.push(serde_json::Value::Null);
    }
    object
}

/// An integer in minor units from `minimum` to the largest amount.
pub fn minor_units(minimum: i64) -> ObjectBuilder {
    ObjectBuilder::new()
        .schema_type(Type::Integer)
        .format(Some(SchemaFormat::KnownFormat(KnownFormat::Int64)))
        .minimum(Some(minimum))
        .maximum(Some(Amount::MAX_MINOR))
}

/// A time of RFC 3339.
pub fn time() -> ObjectBuilder {
    string()
        .format(Some(SchemaFormat::KnownFormat(KnownFormat::DateTime)))
        .examples(["2025-11-06T19:54:00.123Z"])
}

/// The merchant's own keys, with values of a schema.
pub fn metadata(value: Object) -> ObjectBuilder {
    let key = text(Metadata::MAX_KEY_CHARS).min_length(Some(1)).build();
    ObjectBuilder::new()
        .schema_type(Type::Object)
        .property_names(Some(Schema::Object(key)))
        .additional_properties(Some(AdditionalProperties::from(Schema::Object(value))))
        .max_properties(Some(Metadata::MAX_KEYS))
}

/// A free text of at most so many characters.
pub fn text(max_chars: usize) -> ObjectBuilder {
    string().max_length(Some(max_chars)).pattern(Some(TEXT_PATTERN))
}
