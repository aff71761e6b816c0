// The payment page of a tenant with a Stripe account. Stripe's script is replaced by one that gives a token, since there
// is no Stripe here; what is tested is what we send to whom, and what the page's policy lets happen.

import assert from "node:assert/strict";
import { before, test } from "node:test";
import { expectAccessible, florin, origin, useBrowser } from "./support.mjs";

const { newPage } = useBrowser();
const key = { current: "" };

before(async () => {
  const tenant = /ten_\w+/.exec(florin(["tenants", "create", "Lighthouse Books"]))[0];
  key.current = /sk_test_\w+/.exec(florin(["keys", "create", "--tenant", tenant, "--mode", "test"]))[0];
  const account = ["--tenant", tenant, "--mode", "test", "--connector", "stripe", "--name", "stripe"];
  const settings = ["--setting", "publishable_key=pk_test_abcd1234abcd1234"];
  const credentials = JSON.stringify({ secret_key: "sk_test_abcd1234abcd1234", webhook_secret: "whsec_abcd1234abcd1234" });
  florin(["processors", "add", ...account, ...settings], credentials);
  // A server uses a new account after a second.
  const page = await request();
  for (let tries = 0; !(await fetch(page)).headers.get("content-security-policy").includes("js.stripe.com"); tries += 1) {
    assert.ok(tries < 100, "the account is not used");
    await new Promise((then) => { setTimeout(then, 100); });
  }
});

/** What stands for Stripe's script: an element in a frame of its own, and a token at the end. */
const script = `window.Stripe = (key, options) => ({
  elements: (what) => { window.asked = { key, options, what }; return {
    create: () => ({
      on: (name, then) => setTimeout(then),
      mount: (place) => { place.textContent = "Stripe's element"; },
    }),
    submit: async () => ({}),
  }; },
  createPaymentMethod: async () => window.fails
    ? { error: { message: "Your card number is incomplete." } }
    : { paymentMethod: { id: "pm_1QfakefakefakefakeFAKE" } },
});`;

async function request() {
  const body = { type: "product", amount: 4250, currency: "EUR", description: "A book" };
  const headers = { authorization: `Bearer ${key.current}`, "content-type": "application/json" };
  const answer = await fetch(`${origin}/v1/payment_requests`, { method: "POST", headers, body: JSON.stringify(body) });
  assert.equal(answer.status, 201);
  return origin + new URL((await answer.json()).url).pathname;
}

async function open(page, url) {
  page.expectHost("https://js.stripe.com");
  await page.route("https://js.stripe.com/**", (route) => {
    route.fulfill({ contentType: "text/javascript", body: script });
  });
  return page.goto(url);
}

test("stripe's element collects the card, and what comes here is a token", async () => {
  const page = await newPage({ locale: "de-DE", size: "phone" });
  const answer = await open(page, await request());
  const policy = answer.headers()["content-security-policy"];
  assert.match(policy, /script-src 'self' https:\/\/js\.stripe\.com/);
  assert.doesNotMatch(policy, /unsafe|\*[;\s]/);
  assert.equal(await page.locator("input:not([type=hidden]), select, textarea").count(), 0, "no field of ours");
  await page.locator("button[type=submit]:enabled").waitFor();
  await expectAccessible(page);
  const asked = await page.evaluate(() => window.asked);
  assert.equal(asked.key, "pk_test_abcd1234abcd1234");
  assert.deepEqual([asked.options.locale, asked.what.amount, asked.what.currency], ["de", 4250, "eur"]);

  await page.evaluate(() => { window.fails = true; });
  await page.click("button[type=submit]");
  assert.match(await page.locator("#element-problem").innerText(), /incomplete/);
  await page.evaluate(() => { window.fails = false; });
  const [sent] = await Promise.all([
    page.waitForRequest((request) => request.method() === "POST"),
    page.click("button[type=submit]"),
  ]);
  const fields = [...new URLSearchParams(sent.postData())];
  assert.deepEqual(fields, [["processor", "stripe"], ["method", "pm_1QfakefakefakefakeFAKE"]]);
});

test("without a script the page says what is needed", async () => {
  const page = await newPage({ javaScriptEnabled: false });
  await open(page, await request());
  assert.match(await page.innerText("form"), /needs JavaScript/);
  assert.equal(await page.locator("button[type=submit]:enabled").count(), 0);
});
