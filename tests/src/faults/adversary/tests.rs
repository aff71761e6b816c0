//! What the adversary does when it is asked by a plain HTTP client.

use super::*;

struct Asking {
    adversary: Adversary,
    http: reqwest::Client,
    _folder: tempfile::TempDir,
}

impl Asking {
    async fn start(seed: u64) -> Asking {
        let folder = tempfile::tempdir().unwrap();
        let adversary = Adversary::start(&folder.path().join("journal"), seed).await;
        let http = reqwest::Client::builder().no_proxy().timeout(Duration::from_millis(500)).build().unwrap();
        Asking { adversary, http, _folder: folder }
    }

    async fn post(&self, path: &str, form: &str, key: &str) -> Option<(u16, Value)> {
        let url = format!("http://127.0.0.1:{}/v1/{path}", self.adversary.port());
        let request = self.http.post(url).header("idempotency-key", key).body(form.to_owned());
        let answer = request.send().await.ok()?;
        let status = answer.status().as_u16();
        Some((status, serde_json::from_str(&answer.text().await.ok()?).ok()?))
    }

    async fn get(&self, path: &str) -> Value {
        let url = format!("http://127.0.0.1:{}/v1/{path}", self.adversary.port());
        let text = self.http.get(url).send().await.unwrap().text().await.unwrap();
        serde_json::from_str(&text).unwrap()
    }
}

fn charge(payment: &str, capture: &str) -> String {
    format!(
        "amount=50&currency=usd&payment_method=pm_card_visa&capture_method={capture}\
         &metadata[florin_payment_id]={payment}&metadata[florin_attempt_id]=att_{payment}"
    )
}

#[tokio::test]
async fn honest_it_does_each_thing_once_for_each_key_and_writes_it_down() {
    let asking = Asking::start(1).await;
    let (status, intent) = asking.post("payment_intents", &charge("pay_1", "manual"), "k1").await.unwrap();
    assert_eq!((status, &intent["status"]), (200, &"requires_capture".into()));
    let again = asking.post("payment_intents", &charge("pay_1", "manual"), "k1").await.unwrap();
    assert_eq!(again, (200, intent.clone()));
    let (status, _) = asking.post("payment_intents", &charge("pay_2", "manual"), "k1").await.unwrap();
    assert_eq!(status, 400, "the key is another request's");
    let id = intent["id"].as_str().unwrap();
    let capture = format!("payment_intents/{id}/capture");
    let (_, captured) = asking.post(&capture, "amount_to_capture=40", "k2").await.unwrap();
    assert_eq!((&captured["status"], &captured["amount_received"]), (&"succeeded".into(), &40.into()));
    let (status, refused) = asking.post(&format!("payment_intents/{id}/cancel"), "", "k3").await.unwrap();
    assert_eq!((status, &refused["error"]["payment_intent"]["status"]), (400, &"succeeded".into()));
    let refund = format!("payment_intent={id}&amount=15&metadata[florin_attempt_id]=att_3");
    let (_, refunded) = asking.post("refunds", &refund, "k4").await.unwrap();
    assert_eq!(refunded["amount"], 15);
    assert_eq!(asking.get(&format!("refunds?payment_intent={id}")).await["data"][0], refunded);
    assert_eq!(asking.get("payment_intents?limit=1").await["data"][0]["id"], id);
    let declined = charge("pay_3", "automatic").replace("visa", "chargeDeclined");
    assert_eq!(asking.post("payment_intents", &declined, "k5").await.unwrap().0, 402);

    let tallies = tally(asking.adversary.journal());
    assert_eq!(tallies.len(), 1);
    let tally = tallies["pay_1"];
    assert_eq!((tally.charges, tally.captures, tally.voids, tally.refunds), (1, 1, 0, 1));
    assert_eq!((tally.authorized, tally.captured, tally.refunded), (50, 40, 15));
}

#[tokio::test]
async fn bad_it_commits_every_misdeed_and_still_does_each_thing_once_at_most() {
    let asking = Asking::start(7).await;
    asking.adversary.set_bad(true);
    let mut lost = 0;
    let mut told = 0;
    for number in 0..300 {
        let form = charge(&format!("pay_{number}"), "automatic");
        for _ in 0..2 {
            match asking.post("payment_intents", &form, &format!("key-{number}")).await {
                Some((200, _)) => told += 1,
                Some(_) => {}
                None => lost += 1,
            }
        }
    }
    tokio::time::sleep(LATEST).await;
    let counts = asking.adversary.counts();
    assert!(counts.iter().all(|(_, count)| *count > 0), "{counts:?}");
    assert!(lost > 10 && told > 200, "{lost} lost, {told} told");
    let tallies = tally(asking.adversary.journal());
    assert!(tallies.len() > 100, "{}", tallies.len());
    assert!(tallies.values().all(|tally| tally.charges == 1 && tally.captured == 50), "{tallies:?}");
}
