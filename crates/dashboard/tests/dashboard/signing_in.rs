//! Signing in and out, second factors, modes, and forms that are not ours.

use florin_domain::Currency;
use totp_rs::Builder;

use crate::world::{PASSWORD, with_world};

#[test]
fn a_wrong_password_is_refused_in_the_words_of_the_api_and_the_right_one_signs_in() {
    with_world(async |world| {
        let browser = world.browser();
        let asked = browser.get("/dashboard/test/payments?q=a").await;
        assert_eq!(asked.status, 303);
        assert_eq!(asked.location(), "/dashboard/sign-in?next=%2Fdashboard%2Ftest%2Fpayments%3Fq%3Da");
        let refused = browser.sign_in("admin@example.com", "not the password", "").await;
        assert_eq!(refused.status, 401);
        assert!(
            refused.body.contains("E-mail address") && refused.body.contains("role=\"alert\""),
            "{}",
            refused.body
        );
        let entered = browser.sign_in("admin@example.com", PASSWORD, "").await;
        assert_eq!((entered.status, entered.location()), (303, "/dashboard/test"));
        for cookie in entered.headers.get_all("set-cookie") {
            let cookie = cookie.to_str().unwrap();
            assert!(
                cookie.contains("HttpOnly") && cookie.contains("SameSite=Lax") && cookie.contains("Path=/"),
                "{cookie}"
            );
        }
        assert_eq!(browser.get("/dashboard/test/payments").await.status, 200);
    });
}

#[test]
fn a_second_factor_is_set_up_and_asked_for() {
    with_world(async |world| {
        let browser = world.admin().await;
        let account = browser.get("/dashboard/test/account").await;
        let offer = browser.submit(&account, "/dashboard/test/account/totp", &[]).await;
        assert!(offer.body.contains("<svg class=\"qr\""), "{}", offer.body);
        let secret = offer.body.split("value=\"").find_map(|part| {
            let value = part.split('"').next()?;
            (value.len() >= 26 && value.bytes().all(|byte| matches!(byte, b'A'..=b'Z' | b'2'..=b'7')))
                .then(|| value.to_owned())
        });
        let totp = Builder::new()
            .with_secret(totp_rs::Secret::try_from_base32(secret.expect("a secret")).unwrap())
            .build()
            .unwrap();
        let code = totp.generate(u64::try_from(chrono::Utc::now().timestamp()).unwrap()).to_string();
        let wrong =
            browser.submit(&offer, "/dashboard/test/account/totp-confirm", &[("code", "000000")]).await;
        assert_eq!(wrong.status, 400, "{}", wrong.body);
        let confirmed =
            browser.submit(&offer, "/dashboard/test/account/totp-confirm", &[("code", &code)]).await;
        assert!(confirmed.body.contains("Recovery codes"), "{}", confirmed.body);
        let asked = world.browser().sign_in("admin@example.com", PASSWORD, "").await;
        assert_eq!(asked.status, 401);
        assert!(asked.body.contains("name=\"totp_code\""));
        let again = world.browser().sign_in("admin@example.com", PASSWORD, &code).await;
        assert_eq!(again.status, 401, "a code is good once");
        let (_, codes) = confirmed.body.split_once("<pre").unwrap();
        let recovery = codes.split_once('>').unwrap().1.split_whitespace().next().unwrap().to_owned();
        let entered = world.browser().sign_in("admin@example.com", PASSWORD, &recovery).await;
        assert_eq!(entered.status, 303, "{}", entered.body);
    });
}

#[test]
fn a_link_signs_in_once() {
    with_world(async |world| {
        let link = world.dashboard.sign_in_link(world.tenant, world.admin).unwrap();
        let browser = world.browser();
        let entered = browser.get(&link).await;
        assert_eq!((entered.status, entered.location()), (303, "/dashboard/test"));
        assert_eq!(browser.get("/dashboard/test/users").await.status, 200);
        assert_eq!(world.browser().get(&link).await.status, 401);
        assert_eq!(world.browser().get("/dashboard/enter/guessed").await.status, 401);
    });
}

#[test]
fn forms_of_other_sites_and_other_sessions_are_refused_and_do_nothing() {
    with_world(async |world| {
        let id = world.paid(5000, Currency::EUR).await;
        let path = format!("/dashboard/test/payments/{id}/refund");
        let browser = world.admin().await;
        let review = browser.get(&format!("{path}?step=review&amount=10.00")).await;
        let (token, once) = (review.field("form_token"), review.field("once"));
        let other = world.browser_of("operator@example.com").await;
        let foreign = other.get("/dashboard/test/payments").await.field("form_token");
        let live = browser.get("/dashboard/live").await.field("form_token");
        let amount = ("amount", "10.00");
        for (token, site) in [
            ("", "same-origin"),
            (foreign.as_str(), "same-origin"),
            (live.as_str(), "same-origin"),
            (token.as_str(), "cross-site"),
        ] {
            let fields = [("form_token", token), ("once", once.as_str()), amount];
            assert_eq!(browser.post_from(site, &path, &fields).await.status, 403, "{token} {site}");
        }
        assert_eq!(world.payment(&id).await["amount_refunded"], 0);
        let fields = [("form_token", token.as_str()), ("once", once.as_str()), amount];
        assert_eq!(browser.post(&path, &fields).await.status, 303);
        assert_eq!(world.payment(&id).await["amount_refunded"], 1000);
        let no_token = world.browser().post("/dashboard/sign-in", &[("email", "admin@example.com")]).await;
        assert_eq!(no_token.status, 403, "not even the sign-in");
    });
}

#[test]
fn each_mode_has_a_session_of_its_own_and_signing_out_ends_both() {
    with_world(async |world| {
        let id = world.paid(5000, Currency::EUR).await;
        let browser = world.admin().await;
        let live = browser.get("/dashboard/live/payments").await;
        assert_eq!(live.status, 200);
        assert!(!live.body.contains(&id) && !live.body.contains("Test mode"), "{}", live.body);
        let names: Vec<String> = browser.cookies.borrow().keys().cloned().collect();
        assert!(names.contains(&"florin-live-access".to_owned()), "{names:?}");
        let test = browser.get("/dashboard/test/payments").await;
        assert!(test.body.contains(&id) && test.body.contains("Test mode"));
        let kept = browser.cookies.borrow().clone();
        let left = browser.submit(&test, "/dashboard/test/sign-out", &[]).await;
        assert_eq!(left.location(), "/dashboard/sign-in?signed-out=yes");
        *browser.cookies.borrow_mut() = kept;
        for path in ["/dashboard/test/payments", "/dashboard/live/payments"] {
            assert_eq!(browser.get(path).await.status, 303, "a stolen cookie opens {path}");
        }
    });
}

#[test]
fn signing_out_everywhere_ends_every_session() {
    with_world(async |world| {
        let (one, other) = (world.admin().await, world.admin().await);
        assert_eq!(other.get("/dashboard/live").await.status, 200);
        let account = one.get("/dashboard/test/account").await;
        assert_eq!(one.submit(&account, "/dashboard/test/account/sign-out", &[]).await.status, 303);
        for path in ["/dashboard/test", "/dashboard/live"] {
            assert_eq!(other.get(path).await.status, 303, "{path}");
        }
        assert_eq!(
            other.poll("/dashboard/test/payments/rows").await.status,
            401,
            "a part of a page goes nowhere"
        );
        let log = world.admin().await.get("/dashboard/test/audit-log").await;
        assert!(log.body.contains("User sessions ended"), "{}", log.body);
    });
}

#[test]
fn an_access_token_that_has_ended_is_replaced_by_pages_and_polls_keep_the_refresh_token() {
    with_world(async |world| {
        let browser = world.admin().await;
        let refresh = || browser.cookies.borrow()["florin-test-refresh"].clone();
        let first = refresh();
        browser.cookies.borrow_mut().remove("florin-test-access");
        assert_eq!(browser.poll("/dashboard/test/payments/rows").await.status, 200);
        assert_eq!(refresh(), first);
        browser.cookies.borrow_mut().remove("florin-test-access");
        assert_eq!(browser.get("/dashboard/test/payments").await.status, 200);
        assert_ne!(refresh(), first);
    });
}
