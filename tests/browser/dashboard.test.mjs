// The dashboard: signing in, each view at both widths, and what can be done there.

import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import { createServer } from "node:http";
import { after, before, test } from "node:test";
import {
  addUser, call, eventually, expectAccessible, origin, password, signIn, sizes, useBrowser,
} from "./support.mjs";

const { newPage } = useBrowser();
const home = `${origin}/dashboard/test`;

/** A page of somebody who is signed in. */
async function newVisit(email, options) {
  const page = await newPage(options);
  await signIn(page, email);
  assert.equal(page.url(), home);
  return page;
}

/** Presses a button or follows a link, and waits for where it leads. */
async function follow(page, selector) {
  await Promise.all([page.waitForNavigation(), page.click(selector)]);
}

/** A server on this machine that hears of events. */
const heard = [];
let listener;

before(async () => {
  listener = createServer((request, answer) => {
    request.resume().on("end", () => answer.end("thank you"));
    heard.push(request.url);
  });
  await new Promise((resolve) => listener.listen(0, "127.0.0.1", resolve));
  for (const name of ["ada", "ben", "cem", "dee"]) addUser(`${name}@example.com`);
  await call("POST", "/v1/payments", { amount: 1000, currency: "USD", payment_method_id: "pm_test_success" });
  await call("POST", "/v1/payments", { amount: 99900, currency: "JPY", payment_method_id: "pm_test_decline" }, [402]);
  const customer = await call("POST", "/v1/customers", { name: "Mei Tanaka", email: "mei@example.com" });
  await call("POST", `/v1/customers/${customer.id}/credits`, { amount: 500, currency: "EUR" });
  await call("POST", "/v1/invoices", { currency: "EUR", amount_due: 1200, customer_id: customer.id });
});
after(() => listener.close());

test("a request is paid, shown, refunded in part, and told of by a webhook", async () => {
  const page = await newVisit("ada@example.com");
  await page.goto(`${home}/webhooks/new`);
  await page.fill("input[name=url]", `http://127.0.0.1:${listener.address().port}/hook`);
  await follow(page, "main form button.primary");
  const endpoint = (await call("GET", "/v1/webhook_endpoints")).data[0];

  await page.goto(`${home}/payment-requests/new`);
  await page.fill("input[name=amount]", "42.50");
  await page.fill("input[name=currency]", "EUR");
  await page.fill("input[name=description]", "Espresso No. 4, 1 kg");
  await page.fill("textarea[name=metadata]", "order=1001\nshop=North");
  await expectAccessible(page);
  await follow(page, "main form button.primary");
  assert.match(await page.innerText("main"), /Request for 42\.50 EUR[\s\S]*North/);
  await expectAccessible(page);
  const link = new URL(await page.locator(".secret input").inputValue());
  const request = (await call("GET", "/v1/payment_requests?limit=1")).data[0];
  assert.equal(link.pathname, new URL(request.url).pathname);
  assert.deepEqual(request.metadata, { order: "1001", shop: "North" });
  const payer = await newPage({ size: "phone" });
  await payer.goto(origin + link.pathname);
  await Promise.all([payer.waitForNavigation(), payer.click("button[type=submit]")]);
  assert.match(await payer.innerText(".message"), /Paid/);
  const { payment_id: payment } = await call("GET", `/v1/payment_requests/${request.id}`);

  await page.goto(`${home}/payments`);
  await follow(page, `main a[href$="${payment}"]`);
  assert.match(await page.innerText("main"), /42\.50 EUR[\s\S]*Succeeded[\s\S]*payer/i);
  await follow(page, 'main a[href$="/refund"]');
  page.expectStatus(422);
  await page.fill("#amount", "99.00");
  await follow(page, "main form button.primary");
  assert.match(await page.getByRole("alert").innerText(), /42\.50|4250/, "it says what is left, as the API does");
  assert.equal(await page.locator("main form button.danger").count(), 0, "nobody is asked to confirm it");
  await page.goto(`${home}/payments/${payment}/refund`);
  await page.fill("#amount", "10.25");
  await follow(page, "main form button.primary");
  assert.match(await page.innerText("main"), /Give 10\.25 EUR back/);
  await expectAccessible(page);
  await follow(page, "main form button.danger");
  assert.match(await page.innerText("main"), /Partially refunded[\s\S]*32\.25 EUR/);
  await expectAccessible(page);
  assert.equal((await call("GET", `/v1/payments/${payment}`)).amount_refunded, 1025);

  const deliveries = `/v1/webhook_endpoints/${endpoint.id}/deliveries?limit=100`;
  await eventually(() => call("GET", deliveries), ({ data }) => data.length >= 5 && data.every((d) => d.status === "succeeded"));
  assert.ok(heard.length >= 5);
  await page.goto(`${home}/webhooks/${endpoint.id}`);
  const refunded = (await call("GET", "/v1/events?type=payment.refunded&limit=1")).data[0];
  assert.ok((await page.innerText("main")).includes(refunded.id));
  await expectAccessible(page);
  await follow(page, `main a[href$="/deliveries/${refunded.id}"]`);
  assert.match(await page.innerText("main"), /thank you/, "what the endpoint answered");
  await expectAccessible(page);
});

const views = [
  "", "/payments", "/payments/new", "/payment-requests/new", "/invoices", "/invoices/new", "/customers", "/customers/new", "/transactions", "/balances",
  "/open-items", "/webhooks", "/webhooks/new", "/events", "/api-keys", "/api-keys/new", "/users", "/users/new",
  "/account", "/audit-log", "/settings", "/settings/processors/new",
];

for (const size of Object.keys(sizes)) {
  test(`each view is readable by everybody at the size of a ${size}`, async () => {
    const page = await newVisit("ben@example.com", { size });
    const further = new Set(await page.$$eval("nav a", (links) => links.map((link) => new URL(link.href).pathname)));
    for (const view of views) further.add(`/dashboard/test${view}`);
    const seen = new Set();
    for (const path of further) {
      const answer = await page.goto(origin + path);
      assert.equal(answer.status(), 200, path);
      await expectAccessible(page);
      // The first object of each list has a page of its own.
      const first = page.locator("main table tbody a").first();
      const kind = path.split("/").at(-1);
      if (!seen.has(kind) && (await first.count()) > 0) {
        seen.add(kind);
        await page.goto(await first.evaluate((link) => link.href));
        await expectAccessible(page);
      }
    }
    assert.ok(seen.size > 5, "lists lead to what is in them");
  });
}

test("who is not signed in sees the way to sign in, and comes back to what they asked for", async () => {
  const page = await newPage({ size: "phone" });
  await page.goto(`${home}/customers`);
  assert.match(page.url(), /sign-in\?next=/);
  await expectAccessible(page);
  page.expectStatus(401);
  await page.fill("#email", "ben@example.com");
  await page.fill("#password", "not this one, surely");
  await follow(page, "main form button.primary");
  assert.equal(await page.getByRole("alert").count(), 1);
  await expectAccessible(page);
  await page.fill("#password", password);
  await follow(page, "main form button.primary");
  assert.equal(page.url(), `${home}/customers`);
});

/** The code of an authenticator app (RFC 6238). */
function codeOf(secret) {
  const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
  const bits = [...secret].map((letter) => alphabet.indexOf(letter).toString(2).padStart(5, "0")).join("");
  const key = Buffer.from(bits.match(/.{8}/g).map((byte) => parseInt(byte, 2)));
  const counter = Buffer.alloc(8);
  counter.writeBigUInt64BE(BigInt(Math.floor(Date.now() / 30_000)));
  const mac = createHmac("sha1", key).update(counter).digest();
  const number = mac.readUInt32BE(mac.at(-1) & 15) & 0x7fffffff;
  return String(number % 1_000_000).padStart(6, "0");
}

test("with a second factor a password alone does not sign in, and all sessions end at once", async () => {
  const email = "cem@example.com";
  const [page, other] = [await newVisit(email), await newVisit(email, { size: "phone" })];
  await page.goto(`${home}/account`);
  await follow(page, 'form[action$="/account/totp"] button');
  await expectAccessible(page);
  const secret = await page.locator(".secret input").first().inputValue();
  await page.fill("main input[name*=code]", codeOf(secret));
  await follow(page, 'form[action$="/account/totp-confirm"] button');
  await expectAccessible(page);

  const third = await newPage();
  third.expectStatus(401, 403);
  await signIn(third, email);
  assert.match(third.url(), /sign-in/);
  assert.equal(await third.getByRole("alert").count(), 1);
  // The code of this half minute has been used, and each is good once.
  const used = codeOf(secret);
  while (codeOf(secret) === used) await new Promise((resolve) => setTimeout(resolve, 500));
  await signIn(third, email, codeOf(secret));
  assert.equal(third.url(), home);

  await third.goto(`${home}/account`);
  await third.click("text=Sign out everywhere");
  await follow(third, 'form[action$="/account/sign-out"] button');
  for (const ended of [page, other, third]) {
    await ended.goto(`${home}/payments`);
    assert.match(ended.url(), /sign-in/);
  }
});

test("what anybody writes is shown as text, whatever it looks like", async () => {
  const corpus = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "\"><svg onload=alert(1)>",
    "' autofocus onfocus=alert(1) x='",
    "</textarea></title><script>alert(1)</script>",
    "javascript:alert(1)",
  ];
  const paths = new Set(["", "/payments", "/customers", "/invoices", "/transactions", "/events", "/webhooks", "/audit-log", "/users"]);
  for (const text of corpus) {
    const metadata = { [text.slice(0, 40).replace(/[[\]]/g, "")]: text };
    const customer = await call("POST", "/v1/customers", { name: text, metadata });
    const payment = await call("POST", "/v1/payments", {
      amount: 1000, currency: "USD", payment_method_id: "pm_test_success", customer_id: customer.id, description: text, metadata,
    });
    await call("POST", `/v1/payments/${payment.id}/refund`, { amount: 10, reason: text, metadata });
    const line = { description: text, quantity: 1, unit_amount: 100 };
    const invoice = await call("POST", "/v1/invoices", { currency: "USD", customer_id: customer.id, lines: [line], metadata });
    await call("POST", `/v1/customers/${customer.id}/credits`, { amount: 5, currency: "USD", reason: text });
    const transaction = (await call("GET", `/v1/transactions?payment_id=${payment.id}`)).data[0];
    await call("PATCH", `/v1/transactions/${transaction.id}`, { notes: text, metadata });
    const endpoint = await call("POST", "/v1/webhook_endpoints", { url: "https://hooks.example.com/", description: text, enabled: false });
    const event = (await call("GET", "/v1/events?limit=1")).data[0];
    for (const path of [
      `/payments/${payment.id}`, `/customers/${customer.id}`, `/invoices/${invoice.id}`, `/transactions/${transaction.id}`,
      `/webhooks/${endpoint.id}`, `/events/${event.id}`, `/payments?q=${encodeURIComponent(text)}`,
    ]) paths.add(path);
  }
  const page = await newVisit("dee@example.com");
  page.expectStatus(400);
  for (const path of paths) {
    await page.goto(home + path);
    assert.equal(await page.locator("main script, main img[src=x], main svg[onload], main [onfocus]").count(), 0, path);
    assert.equal(await page.locator('a[href^="javascript:" i]').count(), 0, path);
    page.expectNothingWrong();
  }
});
