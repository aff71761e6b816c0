// Flexprice's SDK for JavaScript against Florin's facade, used as its users would. scripts/test runs it.
//
// SANDBOX_URL names the server, SANDBOX_KEY a key of it that may do everything.

import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { test } from "node:test";

import { Flexprice } from "@flexprice/sdk";

const url = process.env.SANDBOX_URL;
const key = process.env.SANDBOX_KEY;
const { payments } = new Flexprice({ serverURL: `${url}/flexprice/v1`, apiKeyAuth: key });

// Posts to Florin's own API, which makes the invoices and customers that Flexprice's payments need.
async function florin(path, body) {
  const headers = { "x-api-key": key, "content-type": "application/json" };
  const response = await fetch(`${url}/v1/${path}`, { method: "POST", headers, body: JSON.stringify(body) });
  assert.equal(response.status, 201);
  return response.json();
}

// An invoice in minor units, of a customer who has so many credits.
async function invoice(amountDue, currency, credits = 0) {
  const customer = await florin("customers", {});
  if (credits > 0) await florin(`customers/${customer.id}/credits`, { amount: credits, currency });
  return florin("invoices", { amount_due: amountDue, currency, customer_id: customer.id });
}

// The request for a payment by card, towards an invoice of its own.
async function wanted(changes) {
  const request = {
    amount: "10.00",
    currency: "usd",
    destinationType: "INVOICE",
    paymentMethodType: "CARD",
    paymentMethodId: "pm_test_success",
    ...changes,
  };
  request.destinationId ??= (await invoice(100_000, request.currency)).id;
  return request;
}

async function create(changes = {}) {
  return payments.createPayment(await wanted(changes));
}

// Expects an error of this status and of Florin's code, and gives back its body.
async function refused(status, code, call) {
  let body;
  await assert.rejects(call, (error) => {
    assert.equal(error.statusCode, status, error.body);
    body = JSON.parse(error.body);
    assert.equal(body.details.code, code, error.body);
    if (status === 400) {
      assert.equal(error.name, "ErrorsErrorsErrorResponse", "the SDK did not recognize the error's form");
      assert.equal(error.success, false);
      assert.deepEqual(error.error, { message: body.message, internalError: code });
      assert.equal(error.message, body.message);
    }
    return true;
  });
  return body;
}

const methods = [
  ["CARD", "pm_test_success", "SUCCEEDED"],
  ["ACH", "pm_test_ach", "PROCESSING"],
  ["OFFLINE", undefined, "SUCCEEDED"],
  ["CREDITS", undefined, "SUCCEEDED"],
];

for (const [paymentMethodType, paymentMethodId, status] of methods) {
  test(`${paymentMethodType} pays an invoice`, async () => {
    const owed = await invoice(1250, "USD", 1250);
    const changes = { paymentMethodType, paymentMethodId, destinationId: owed.id, metadata: { order: "7" } };
    const made = await create({ amount: "12.50", ...changes });
    assert.equal(made.paymentStatus, status);
    assert.equal(made.paymentMethodType, paymentMethodType);
    assert.equal(made.amount, "12.50");
    assert.equal(made.currency, "usd");
    assert.equal(made.destinationType, "INVOICE");
    assert.equal(made.destinationId, owed.id);
    assert.equal(made.invoiceNumber, owed.number);
    assert.equal(made.paymentMethodId, paymentMethodId);
    assert.deepEqual(made.metadata, { order: "7" });
    assert.deepEqual(made.attempts.map((attempt) => attempt.attemptNumber), [1]);
    assert.equal(made.attempts[0].paymentId, made.id);
    assert.equal(made.trackAttempts, true);
    assert.equal(made.succeededAt !== undefined, status === "SUCCEEDED");
    assert.deepEqual(await payments.getPayment(made.id), made);
  });

  test(`${paymentMethodType} is recorded and processed later`, async () => {
    const destinationId = (await invoice(1000, "USD", 1000)).id;
    const made = await create({ paymentMethodType, paymentMethodId, destinationId, processPayment: false });
    assert.equal(made.paymentStatus, "PENDING");
    assert.deepEqual(made.attempts, []);
    const processed = await payments.processPayment(made.id);
    assert.equal(processed.id, made.id);
    assert.equal(processed.paymentStatus, status);
  });
}

test("amounts have the currency's own decimals", async () => {
  for (const [amount, currency, shown] of [
    ["12.5", "usd", "12.50"],
    ["500", "jpy", "500"],
    ["1.234", "kwd", "1.234"],
    ["1.2345", "clf", "1.2345"],
  ]) {
    const made = await create({ amount, currency });
    assert.deepEqual([made.amount, made.currency], [shown, currency]);
  }
  for (const [amount, currency] of [["1.5", "jpy"], ["1.234", "usd"], ["1.2345", "kwd"], ["0", "usd"]]) {
    const body = await refused(400, "parameter_invalid", () => create({ amount, currency }));
    assert.equal(body.details.param, "amount");
  }
});

test("a key pays once", async () => {
  const request = await wanted({ idempotencyKey: `order-${randomUUID()}` });
  const first = await payments.createPayment(request);
  assert.equal(first.idempotencyKey, request.idempotencyKey);
  assert.deepEqual(await payments.createPayment(request), first);
  await refused(422, "idempotency_key_reused", () => payments.createPayment({ ...request, amount: "11.00" }));
  const { pagination } = await payments.listPayments({ destinationId: request.destinationId });
  assert.equal(pagination.total, 1);
});

test("a list has filters and pages", async () => {
  const destinationId = (await invoice(100_000, "USD")).id;
  const paid = [];
  while (paid.length < 3) paid.push((await create({ destinationId })).id);
  const later = await create({ destinationId, processPayment: false });
  const offline = (await create({ destinationId, paymentMethodType: "OFFLINE", paymentMethodId: undefined })).id;
  const ids = async (filters = {}) => {
    const { items, pagination } = await payments.listPayments({ destinationId, ...filters });
    assert.equal(pagination.total, items.length);
    return items.map((payment) => payment.id);
  };
  const newestFirst = [offline, later.id, ...[...paid].reverse()];
  assert.deepEqual(await ids(), newestFirst);
  assert.deepEqual(await ids({ paymentIds: [paid[0], offline] }), [offline, paid[0]]);
  assert.deepEqual(await ids({ paymentIds: [paid[1]], paymentStatus: "PENDING" }), []);
  assert.deepEqual(await ids({ paymentStatus: "PENDING" }), [later.id]);
  assert.deepEqual(await ids({ paymentMethodType: "OFFLINE" }), [offline]);
  assert.deepEqual(await ids({ currency: "eur" }), []);
  const plain = { destinationType: "INVOICE", status: "published", sort: "created_at", order: "desc" };
  assert.deepEqual(await ids(plain), newestFirst);
  assert.deepEqual(await ids({ order: "asc" }), [...newestFirst].reverse());
  assert.ok((await ids({ startTime: later.createdAt })).includes(later.id));
  assert.ok((await ids({ endTime: later.createdAt })).includes(paid[0]));
  assert.deepEqual(await ids({ startTime: "2999-01-01T00:00:00Z" }), []);

  const found = [];
  for (const offset of [0, 2, 4]) {
    const page = await payments.listPayments({ destinationId, limit: 2, offset });
    assert.deepEqual(page.pagination, { total: 5, limit: 2, offset });
    found.push(...page.items.map((payment) => payment.id));
  }
  assert.deepEqual(found, newestFirst);
  // Payments that are for no invoice are listed and read as well.
  const card = { amount: 1, currency: "USD", payment_method_id: "pm_test_success" };
  const { id } = await florin("payments", card);
  assert.equal((await payments.listPayments({ paymentIds: [id] })).items[0].destinationType, undefined);
});

test("metadata is replaced and a status can't be set", async () => {
  const { id } = await create({ metadata: { a: "1", b: "2" } });
  assert.deepEqual((await payments.updatePayment(id, { metadata: { b: "3" } })).metadata, { b: "3" });
  await refused(400, "field_immutable", () => payments.updatePayment(id, { paymentStatus: "FAILED" }));
  assert.equal((await payments.getPayment(id)).paymentStatus, "SUCCEEDED");
});

test("to delete is to cancel", async () => {
  const { id } = await create({ processPayment: false });
  assert.ok((await payments.deletePayment(id)).message);
  assert.equal((await payments.getPayment(id)).paymentStatus, "VOIDED");
  await refused(409, "payment_already_canceled", () => payments.deletePayment(id));
  const paid = (await create()).id;
  await refused(400, "payment_not_cancelable", () => payments.deletePayment(paid));
});

test("what has no outcome yet is processing", async () => {
  for (const paymentMethodId of ["pm_test_processor_error", "pm_test_requires_action"]) {
    const made = await create({ paymentMethodId, successUrl: "https://shop.example/done" });
    assert.equal(made.paymentStatus, "PROCESSING");
    assert.equal(made.paymentUrl !== undefined, paymentMethodId === "pm_test_requires_action");
  }
});

test("errors say what was wrong", async () => {
  const declined = await refused(400, "payment_declined", () => create({ paymentMethodId: "pm_test_decline" }));
  const failed = await payments.getPayment(declined.details.payment_id);
  assert.deepEqual([failed.paymentStatus, failed.errorMessage], ["FAILED", declined.message]);
  const destinationId = (await invoice(1000, "USD")).id;
  const credits = { paymentMethodType: "CREDITS", paymentMethodId: undefined, destinationId };
  await refused(400, "insufficient_credits", () => create(credits));
  await refused(422, "amount_exceeds_invoice", () => create({ amount: "10.01", destinationId }));
  const nowhere = "inv_01k9dcq4w0e7qs9x3v5m8ffh2a";
  await refused(404, "invoice_not_found", () => create({ destinationId: nowhere }));
  await refused(400, "parameter_invalid", () => create({ saveCardAndMakeDefault: true }));
  await refused(400, "parameter_invalid", () => create({ paymentGateway: "stripe" }));
  await refused(404, "payment_not_found", () => payments.getPayment("pay_nothing"));
  await refused(404, "payment_not_found", () => payments.processPayment("pay_nothing"));
  const paid = (await create()).id;
  await refused(409, "payment_not_processable", () => payments.processPayment(paid));
  await refused(400, "parameter_invalid", () => payments.listPayments({ limit: 1000 }));
  const stranger = new Flexprice({ serverURL: `${url}/flexprice/v1`, apiKeyAuth: "sk_test_wrong" });
  await refused(401, "authentication_error", () => stranger.payments.getPayment(paid));
});
