// The page on which a customer pays: every state of it, with and without a script, in every language.

import assert from "node:assert/strict";
import { test } from "node:test";
import { call, eventually, expectAccessible, origin, requestPayment, sizes, useBrowser } from "./support.mjs";

const { newPage } = useBrowser();

const message = (page) => page.locator(".message").innerText();

async function payWith(page, method) {
  await page.check(`input[value="${method}"]`);
  await Promise.all([page.waitForNavigation(), page.click("button[type=submit]")]);
}

async function paymentsOf(request) {
  const { payment_id: id } = await call("GET", `/v1/payment_requests/${request.id}`);
  return id === null ? null : call("GET", `/v1/payments/${id}`);
}

for (const size of Object.keys(sizes)) {
  test(`a request is paid at the size of a ${size}`, async () => {
    const { request, url } = await requestPayment({ success_url: "https://shop.example/thanks" });
    const page = await newPage({ size });
    const answer = await page.goto(url);
    assert.equal(answer.headers()["cache-control"], "no-store");
    assert.equal(answer.headers()["referrer-policy"], "no-referrer");
    assert.match(await page.innerText("main"), /€42\.50[\s\S]*Espresso No\. 4, 1 kg/);
    await expectAccessible(page);
    await payWith(page, "pm_test_success");
    assert.equal(page.url(), url, "the page is there by GET again");
    assert.match(await message(page), /Paid\. Thank you!/);
    assert.equal(await page.locator("a.primary").getAttribute("href"), "https://shop.example/thanks");
    await expectAccessible(page);
    await page.reload();
    assert.match(await message(page), /Paid/);
    assert.equal((await paymentsOf(request)).amount_captured, 4250);
  });
}

test("it works without a script", async () => {
  const { request, url } = await requestPayment();
  const page = await newPage({ javaScriptEnabled: false, size: "phone" });
  await page.goto(url);
  await payWith(page, "pm_test_insufficient_funds");
  assert.match(await message(page), /not enough money/);
  await payWith(page, "pm_test_success");
  assert.match(await message(page), /Paid/);
  page.expectNothingWrong();
  const payment = await paymentsOf(request);
  assert.deepEqual([payment.payment_status, payment.attempts.length], ["SUCCEEDED", 2]);
});

test("a decline says why, and another try pays the same payment", async () => {
  const { request, url } = await requestPayment();
  const page = await newPage();
  await page.goto(url);
  await payWith(page, "pm_test_decline");
  assert.match(await page.getByRole("alert").innerText(), /Nothing was paid\. Your bank or card issuer declined/);
  await expectAccessible(page);
  const declined = await paymentsOf(request);
  await payWith(page, "pm_test_success");
  const paid = await paymentsOf(request);
  assert.equal(paid.id, declined.id);
  assert.equal(paid.amount_captured, 4250);
});

test("of two payers at once one pays", async () => {
  const { request, url } = await requestPayment();
  const pages = await Promise.all([newPage(), newPage({ size: "phone", locale: "de-DE" })]);
  await Promise.all(pages.map((page) => page.goto(url)));
  await Promise.all(pages.map((page) => payWith(page, "pm_test_success")));
  for (const page of pages) {
    await eventually(() => message(page), (text) => /Paid\. Thank|Bezahlt\. Vielen/.test(text));
    page.expectNothingWrong();
  }
  const payment = await paymentsOf(request);
  assert.deepEqual([payment.amount_captured, payment.attempts.length], [4250, 1]);
});

test("who pays too late is told that nothing was charged again", async () => {
  const { request, url } = await requestPayment();
  const [early, late] = [await newPage(), await newPage()];
  await early.goto(url);
  await late.goto(url);
  await payWith(early, "pm_test_success");
  await payWith(late, "pm_test_success");
  assert.match(await message(late), /had already been paid when you tried: nothing was charged a second time/);
  await expectAccessible(late);
  assert.equal((await paymentsOf(request)).attempts.length, 1);
});

test("a button that is pressed twice pays once", async () => {
  const { request, url } = await requestPayment();
  const page = await newPage();
  await page.goto(url);
  await page.dblclick("button[type=submit]");
  await page.locator(".message.good").waitFor();
  assert.equal((await paymentsOf(request)).attempts.length, 1);
});

test("a bank debit is waited for, and the page shows by itself that it has cleared", async () => {
  const { url } = await requestPayment({ currency: "USD" });
  const page = await newPage();
  await page.goto(url);
  await payWith(page, "pm_test_ach");
  assert.match(await message(page), /being processed/);
  await expectAccessible(page);
  await page.locator(".message.good").waitFor({ timeout: 30_000 });
  page.expectNothingWrong();
});

test("a payment that the payer has to confirm leads to the bank", async () => {
  const { url } = await requestPayment();
  const page = await newPage();
  await page.goto(url);
  await payWith(page, "pm_test_requires_action");
  const link = page.getByRole("link", { name: "Confirm at my bank" });
  assert.match(await link.getAttribute("href"), /^https:\/\//);
  await expectAccessible(page);
});

test("an amount that is only reserved is called so", async () => {
  const { request, url } = await requestPayment({ capture_method: "manual" });
  const page = await newPage();
  await page.goto(url);
  assert.match(await page.innerText("main"), /To reserve[\s\S]*only reserved for now[\s\S]*Reserve €42\.50/);
  await expectAccessible(page);
  await payWith(page, "pm_test_success");
  assert.match(await message(page), /Reserved\. Thank you!/);
  assert.equal((await paymentsOf(request)).payment_status, "AUTHORIZED");
});

test("a request that was canceled can't be paid, by an open page neither", async () => {
  const { request, url } = await requestPayment();
  const page = await newPage();
  await page.goto(url);
  await call("POST", `/v1/payment_requests/${request.id}/cancel`, {});
  await payWith(page, "pm_test_success");
  assert.match(await message(page), /was canceled/);
  assert.equal(await page.locator("form").count(), 0);
  await expectAccessible(page);
  assert.equal(await paymentsOf(request), null);
});

test("a request whose time is over can't be paid, by an open page neither", async () => {
  const { request, url } = await requestPayment({ expires_at: new Date(Date.now() + 3000).toISOString() });
  const page = await newPage();
  await page.goto(url);
  assert.match(await page.innerText("main"), /Payable until/);
  await eventually(
    () => call("GET", `/v1/payment_requests/${request.id}`),
    (now) => now.status === "expired",
  );
  await payWith(page, "pm_test_success");
  assert.match(await message(page), /has expired/);
  await expectAccessible(page);
  assert.equal(await paymentsOf(request), null);
});

test("a link that leads nowhere says so, and how it might be wrong", async () => {
  for (const token of ["AAAAAAAAAAAAAAAAAAAAAAAA", "short", "%00", "a".repeat(500)]) {
    const page = await newPage();
    page.expectStatus(404);
    const answer = await page.goto(`${origin}/pay/${token}`);
    assert.equal(answer.status(), 404, token);
    assert.match(await page.innerText("main"), /no such page/);
    await expectAccessible(page);
  }
});

const languages = [
  { locale: "en-GB", heading: /To pay/, amount: "€1,234.50", button: "Pay €1,234.50" },
  { locale: "de-CH", heading: /Zu zahlen/, amount: "1.234,50 €", button: "1.234,50 € zahlen" },
  { locale: "fr-CA", heading: /À payer/, amount: "1 234,50 €", button: "Payer 1 234,50 €" },
  { locale: "es-MX", heading: /A pagar/, amount: "1234,50 €", button: "Pagar 1234,50 €" },
  { locale: "ja-JP", heading: /お支払い金額/, amount: "€1,234.50", button: "€1,234.50を支払う" },
];

for (const { locale, heading, amount, button } of languages) {
  test(`a payer who reads ${locale} reads the page in it`, async () => {
    const { url } = await requestPayment({ amount: 123450 });
    const page = await newPage({ locale, size: "phone" });
    await page.goto(url);
    assert.equal(await page.getAttribute("html", "lang"), locale.slice(0, 2));
    const text = (await page.innerText("main")).replace(/[\u00a0\u202f]/g, " ");
    assert.match(text, heading);
    assert.ok(text.includes(amount) && text.includes(button), text);
    await expectAccessible(page);
  });
}

test("amounts are written as the browser itself writes them", async () => {
  const page = await newPage();
  const unlike = new Set();
  for (const currency of ["USD", "EUR", "GBP", "JPY", "CHF", "KWD", "INR", "SEK", "BRL", "CAD", "KRW", "XOF"]) {
    const { url } = await requestPayment({ amount: 1234567, currency });
    for (const language of ["en", "de", "fr", "es", "ja"]) {
      await page.goto(`${url}?lang=${language}`);
      const ours = await page.innerText(".amount");
      const theirs = await page.evaluate(
        ([language, currency]) => {
          const form = new Intl.NumberFormat(language, { style: "currency", currency });
          return form.format(1234567 / 10 ** form.resolvedOptions().maximumFractionDigits);
        },
        [language, currency],
      );
      if (ours !== theirs) unlike.add(`${language}: ${ours}, and not ${theirs}`);
    }
  }
  assert.deepEqual([...unlike], []);
});

test("the language can be switched, and stays while it is paid", async () => {
  const { url } = await requestPayment();
  const page = await newPage({ locale: "fr-FR" });
  await page.goto(url);
  await page.getByRole("link", { name: "Español" }).click();
  await page.waitForURL(/lang=es/);
  await payWith(page, "pm_test_decline");
  assert.match(await message(page), /No se ha pagado nada/);
  assert.match(page.url(), /lang=es$/);
  await payWith(page, "pm_test_success");
  assert.match(await message(page), /Pagado\. ¡Gracias!/);
});

test("a card number is refused in whatever field it is sent, and kept nowhere", async () => {
  const { request, url } = await requestPayment();
  for (const field of ["method", "processor", "card_number"]) {
    const body = new URLSearchParams({ processor: "sandbox", method: "pm_test_success", [field]: "4242 4242 4242 4242" });
    const answer = await fetch(url, { method: "POST", body, redirect: "manual" });
    assert.equal(answer.status, 400, field);
    const text = await answer.text();
    assert.match(text, /never type a card number here/);
    assert.ok(!text.includes("4242"), "it is not repeated");
  }
  assert.equal(await paymentsOf(request), null);
});

test("another site can't send the form, and forms of no use are refused", async () => {
  const { request, url } = await requestPayment();
  const body = new URLSearchParams({ processor: "sandbox", method: "pm_test_success" });
  const send = (init) => fetch(url, { method: "POST", redirect: "manual", ...init });
  const other = await send({ body, headers: { "sec-fetch-site": "cross-site" } });
  assert.equal(other.status, 403);
  assert.equal((await send({ body: new URLSearchParams({ processor: "sandbox" }) })).status, 400);
  assert.equal((await send({ body: "x".repeat(5000) })).status, 413);
  assert.equal((await send({ method: "PUT", body })).status, 405);
  assert.equal(await paymentsOf(request), null);
});

test("who tries too often from one address has to wait", async () => {
  const { request, url } = await requestPayment();
  const headers = { "x-forwarded-for": "203.0.113.77" };
  const body = new URLSearchParams({ processor: "sandbox", method: "pm_test_decline" });
  const statuses = [];
  for (let count = 0; count < 11; count += 1) {
    const answer = await fetch(url, { method: "POST", body, headers, redirect: "manual" });
    statuses.push(answer.status);
    if (count === 10) assert.match(answer.headers.get("retry-after"), /^\d+$/);
  }
  assert.deepEqual(statuses, [...Array(10).fill(303), 429]);
  assert.equal((await paymentsOf(request)).attempts.length, 10);
});

test("what a merchant writes is shown as text, whatever it looks like", async () => {
  const corpus = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "\"><svg onload=alert(1)>",
    "javascript:alert(1)",
    "{{constructor.constructor('alert(1)')()}}",
    "</title><script>alert(1)</script>",
    "' autofocus onfocus=alert(1) x='",
    "\u202eevil\u202c &lt;b&gt;",
  ];
  for (const description of corpus) {
    const { url } = await requestPayment({ description });
    const page = await newPage();
    await page.goto(`${url}?lang=${encodeURIComponent(description)}`);
    assert.equal(await page.locator(".what").innerText(), description);
    assert.equal(await page.locator("main script, main img, main svg").count(), 0);
    page.expectNothingWrong();
    await page.context().close();
  }
});
