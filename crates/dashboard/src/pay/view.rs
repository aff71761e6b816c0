//! What the payment page shows, made of what the engine tells of a request.

use actix_web::http::StatusCode;
use askama::Template;
use chrono::{DateTime, SecondsFormat, Utc};
use florin_domain::{CaptureMethod, MethodType, PaymentRequestType};
use florin_engine::{PageForm, PageState, PaymentPage};

use super::language::Language;
use super::locale;
use super::page::RETURNED;
use super::words::{Notice, Words};

/// In which language a page is, and where it is.
pub(super) struct Place {
    pub(super) language: Language,
    /// Whether the payer chose the language, which the page's own links then keep.
    pub(super) is_chosen: bool,
    /// Whether the payer's try came after the request had been paid.
    pub(super) paid_before: bool,
    pub(super) path: String,
}

impl Place {
    pub(super) fn words(&self) -> &'static Words {
        Words::of(self.language)
    }

    /// The page itself, in the language that was chosen.
    pub(super) fn here(&self) -> String {
        let tag = self.language.tag();
        if self.is_chosen { format!("{}?lang={tag}", self.path) } else { self.path.clone() }
    }

    /// The same with one thing more in the query.
    pub(super) fn here_with(&self, pair: &str) -> String {
        let and = if self.is_chosen { '&' } else { '?' };
        format!("{}{and}{pair}", self.here())
    }

    /// The query of the address that a payer comes back to from where they had to act.
    pub(super) fn return_query(&self) -> String {
        let query = self.here_with(RETURNED).split_once('?').map(|(_, query)| query.to_owned());
        query.unwrap_or_default()
    }
}

/// The page of a request that there is.
#[derive(Template)]
#[template(path = "pay/request.html")]
pub(super) struct RequestPage<'a> {
    place: &'a Place,
    words: &'static Words,
    page: &'a PaymentPage,
    amount: String,
    /// Why nothing was paid by the last try, if there was one.
    problem: Option<&'static str>,
    panel: Panel,
}

/// What is below the facts of a request: a form, or how the request stands.
struct Panel {
    /// For the script: whether to look again.
    state: &'static str,
    form: Option<Form>,
    notice: Option<Told>,
    /// Where the payer has to act.
    action: Option<String>,
    paid_at: Option<Moment>,
    /// Where the payer goes afterwards: the address, and what the link says.
    go_on: Option<(String, String)>,
}

/// How it can be paid.
struct Form {
    processor: String,
    button: String,
    /// The sandbox's test payment methods: id and name.
    test_methods: Vec<(&'static str, &'static str)>,
    stripe: Option<StripeForm>,
}

/// What Stripe's element has to know.
struct StripeForm {
    publishable_key: String,
    method_types: String,
    minor: i64,
    currency: String,
}

struct Moment {
    text: String,
    iso: String,
}

/// Something that is told, with its placeholders filled in.
struct Told {
    tone: &'static str,
    title: String,
    text: String,
}

/// A page that only tells something.
#[derive(Template)]
#[template(path = "pay/notice.html")]
pub(super) struct NoticePage<'a> {
    place: &'a Place,
    words: &'static Words,
    told: Told,
}

impl<'a> NoticePage<'a> {
    pub(super) fn new(place: &'a Place, notice: &Notice, seconds: u32) -> Self {
        let told = told("warn", notice, &[("seconds", &seconds.to_string())]);
        NoticePage { place, words: place.words(), told }
    }
}

impl<'a> RequestPage<'a> {
    /// The page, with why nothing was paid by a try that was just made; otherwise the engine tells of the last one.
    pub(super) fn new(place: &'a Place, page: &'a PaymentPage, problem: Option<&'static str>) -> Self {
        let words = place.words();
        let amount = locale::money(place.language, page.amount, page.currency);
        let panel = Panel::new(place, page, &amount);
        let last = page.last_decline.as_ref().map(|decline| words.problems.about(decline.code));
        let problem = problem.or(last).filter(|_| panel.form.is_some());
        RequestPage { place, words, page, amount, problem, panel }
    }

    fn title(&self) -> String {
        self.with_merchant(self.words.title)
    }

    fn with_merchant(&self, text: &str) -> String {
        fill(text, &[("merchant", &self.page.merchant)])
    }

    fn reserves(&self) -> bool {
        self.page.capture_method == CaptureMethod::Manual
    }

    fn is_subscription(&self) -> bool {
        self.page.kind == PaymentRequestType::Subscription
    }

    /// Whether there is more to say than amount and description.
    fn has_facts(&self) -> bool {
        let until = self.until().is_some();
        self.page.invoice_number.is_some() || self.is_subscription() || self.reserves() || until
    }

    /// Whether nothing can be paid with, although it is open.
    fn offers_nothing(&self) -> bool {
        self.panel.form.is_none() && self.panel.notice.is_none()
    }

    /// Until when it can be paid, as long as it can.
    fn until(&self) -> Option<Moment> {
        let at = self.page.expires_at.filter(|_| self.panel.form.is_some())?;
        Some(moment(self.place.language, at))
    }

    /// Whether Stripe's element is on it, which needs another policy.
    pub(super) fn has_stripe(&self) -> bool {
        self.panel.form.as_ref().is_some_and(|form| form.stripe.is_some())
    }

    /// 200 however the request stands, unless a try was wrong.
    pub(super) fn status(&self, is_wrong: bool) -> StatusCode {
        if is_wrong { StatusCode::BAD_REQUEST } else { StatusCode::OK }
    }
}

impl Panel {
    fn new(place: &Place, page: &PaymentPage, amount: &str) -> Self {
        let words = place.words();
        let tell = |state, tone, notice| Panel {
            state,
            notice: Some(told(tone, notice, &[("merchant", &page.merchant)])),
            form: None,
            action: None,
            paid_at: None,
            go_on: None,
        };
        match &page.state {
            PageState::Open if page.tries_left == 0 => tell("over", "warn", &words.tried_too_often),
            PageState::Open => {
                let form = form(words, page, amount);
                Panel { state: "open", form, notice: None, action: None, paid_at: None, go_on: None }
            }
            PageState::BeingPaid => tell("waiting", "info", &words.waiting),
            PageState::ActionRequired { url } => {
                Panel { action: web_address(url), ..tell("waiting", "info", &words.action) }
            }
            PageState::Paid { at } => {
                let reserves = page.capture_method == CaptureMethod::Manual;
                let notice = if reserves { &words.reserved } else { &words.paid };
                let go_on = page.success_url.as_deref().and_then(|url| go_on(words, url));
                Panel { paid_at: Some(moment(place.language, *at)), go_on, ..tell("over", "good", notice) }
            }
            PageState::Expired { .. } => tell("over", "warn", &words.expired),
            PageState::Canceled => tell("over", "warn", &words.canceled),
            PageState::InvoiceClosed => tell("over", "info", &words.invoice_closed),
        }
    }
}

/// None when there is nothing that takes such a payment.
fn form(words: &Words, page: &PaymentPage, amount: &str) -> Option<Form> {
    let offer = page.offer.as_ref()?;
    let reserves = page.capture_method == CaptureMethod::Manual;
    let button = fill(if reserves { words.reserve } else { words.pay }, &[("amount", amount)]);
    let form = Form { processor: offer.processor.clone(), button, test_methods: Vec::new(), stripe: None };
    Some(match &offer.form {
        PageForm::Sandbox { methods } => {
            let named = methods.iter().map(|id| (*id, words.methods.name(id).unwrap_or(id)));
            Form { test_methods: named.collect(), ..form }
        }
        PageForm::Stripe { publishable_key } => Form {
            stripe: Some(StripeForm {
                publishable_key: publishable_key.clone(),
                method_types: stripe_types(&offer.method_types),
                minor: page.amount.minor(),
                currency: page.currency.code().to_ascii_lowercase(),
            }),
            ..form
        },
    })
}

/// The payment methods as Stripe calls them.
fn stripe_types(types: &[MethodType]) -> String {
    let names = types.iter().filter_map(|kind| match kind {
        MethodType::Card => Some("card"),
        MethodType::Ach => Some("us_bank_account"),
        MethodType::Offline | MethodType::Credits => None,
    });
    names.collect::<Vec<_>>().join(" ")
}

fn told(tone: &'static str, notice: &Notice, values: &[(&str, &str)]) -> Told {
    Told { tone, title: fill(notice.title, values), text: fill(notice.text, values) }
}

/// Where a payer goes on to, by the name of its host.
fn go_on(words: &Words, url: &str) -> Option<(String, String)> {
    let url = web_address(url)?;
    let (_, rest) = url.split_once("://")?;
    let host = rest.split(['/', '?', '#', '\\']).next()?;
    // A name and a password before the host would hide it.
    let host = host.rsplit('@').next()?.to_owned();
    Some((url, fill(words.go_on_to, &[("place", &host)])))
}

/// An address that a link may lead to.
fn web_address(url: &str) -> Option<String> {
    let lower = url.to_ascii_lowercase();
    (lower.starts_with("https://") || lower.starts_with("http://")).then(|| url.to_owned())
}

fn moment(language: Language, at: DateTime<Utc>) -> Moment {
    Moment { text: locale::time(language, at), iso: at.to_rfc3339_opts(SecondsFormat::Secs, true) }
}

/// A text with its placeholders filled in, in one pass: what is filled in is not looked at again.
fn fill(text: &str, values: &[(&str, &str)]) -> String {
    let mut filled = String::with_capacity(text.len() + 32);
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('{') {
        filled.push_str(before);
        let (name, behind) = after.split_once('}').unwrap_or((after, ""));
        let value = values.iter().find(|(known, _)| *known == name);
        filled.push_str(value.map_or("", |(_, value)| value));
        rest = behind;
    }
    filled.push_str(rest);
    filled
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_filled_in_is_not_filled_in_again() {
        assert_eq!(fill("Pay {merchant}!", &[("merchant", "{merchant} {amount")]), "Pay {merchant} {amount!");
    }

    #[test]
    fn links_lead_to_the_web_only_and_say_where() {
        let words = Words::of(Language::English);
        for (url, expected) in [
            ("https://shop.example/thanks?order=1", Some("Continue to shop.example")),
            ("HTTP://shop.example:8080", Some("Continue to shop.example:8080")),
            ("https://bank.example@evil.example/x", Some("Continue to evil.example")),
            ("javascript:alert(1)", None),
            ("//shop.example", None),
        ] {
            assert_eq!(go_on(words, url).map(|(_, text)| text).as_deref(), expected, "{url}");
        }
    }

    #[test]
    fn a_payer_is_sent_to_act_on_the_web_only() {
        for (url, is_shown) in [
            ("https://bank.example/confirm?id=1", true),
            ("HTTP://bank.example/", true),
            ("javascript:alert(1)", false),
            ("data:text/html,<b>", false),
            ("//bank.example", false),
        ] {
            let mut page = page(PageForm::Sandbox { methods: Vec::new() }, "Shop");
            page.state = PageState::ActionRequired { url: url.to_owned() };
            let html = RequestPage::new(&place(), &page, None).render().unwrap();
            assert_eq!(html.contains(&format!("href=\"{url}\"")), is_shown, "{url}");
            assert_eq!(html.contains("Bei meiner Bank"), is_shown, "{url}");
        }
    }

    fn page(form: PageForm, merchant: &str) -> PaymentPage {
        use florin_domain::{Amount, Currency, Mode, PaymentRequestId, TenantId};
        let id = uuid::Uuid::from_u128(0x0194_1f29_7c00_7000_8000_0000_0000_0001);
        PaymentPage {
            request_id: PaymentRequestId::from_uuid(id),
            tenant_id: TenantId::from_uuid(id),
            mode: Mode::Live,
            merchant: merchant.to_owned(),
            kind: PaymentRequestType::Product,
            amount: Amount::new(4250).unwrap(),
            currency: Currency::parse("EUR").unwrap(),
            description: None,
            invoice_number: None,
            capture_method: CaptureMethod::Automatic,
            expires_at: None,
            success_url: None,
            state: PageState::Open,
            last_decline: None,
            offer: Some(florin_engine::PageOffer {
                processor: "stripe".to_owned(),
                method_types: vec![MethodType::Card],
                form,
            }),
            tries_left: 20,
        }
    }

    fn place() -> Place {
        Place { language: Language::German, is_chosen: true, paid_before: false, path: "/pay/x".to_owned() }
    }

    #[test]
    fn stripe_s_element_collects_the_card_and_no_field_of_ours_does() {
        let page = page(PageForm::Stripe { publishable_key: "pk_live_a\"b".to_owned() }, "Shop");
        let (place, html) = (place(), |place: &Place| {
            let view = RequestPage::new(place, &page, None);
            assert!(view.has_stripe());
            view.render().unwrap()
        });
        let html = html(&place);
        assert!(html.contains(r#"src="https://js.stripe.com/basil/stripe.js""#));
        assert!(html.contains(r#"data-key="pk_live_a&#34;b""#) && html.contains(r#"data-minor="4250""#));
        assert_eq!(html.matches("<input").count(), html.matches(r#"<input type="hidden""#).count());
    }

    #[test]
    fn the_sandbox_s_page_asks_nothing_of_anybody_else() {
        let page = page(PageForm::Sandbox { methods: vec!["pm_test_success", "pm_new"] }, "<b>Shop & Co</b>");
        let place = place();
        let view = RequestPage::new(&place, &page, None);
        let html = view.render().unwrap();
        assert!(!view.has_stripe() && !html.contains("http://") && !html.contains("https://"));
        assert!(!html.contains("<b>") && html.contains("Shop &#38; Co"));
        assert!(html.contains(r#"value="pm_new""#), "a method without a name is offered by its id");
        assert!(html.contains(r#"action="/pay/x?lang=de""#));
        assert!(!html.contains("style=") && !html.contains(" onclick") && !html.contains("<script>"));
    }
}
