"""Flexprice's SDK for Python against Florin's facade, used as its users would. scripts/test runs it.

SANDBOX_URL names the server, SANDBOX_KEY a key of it that may do everything.
"""

import asyncio
import json
import os
import unittest
import urllib.request
import uuid

from flexprice import Flexprice
from flexprice.models.errors import ErrorResponse, FlexpriceDefaultError

URL = os.environ["SANDBOX_URL"]
KEY = os.environ["SANDBOX_KEY"]


def florin(path, body):
    """Posts to Florin's own API, which makes the invoices and customers that Flexprice's payments need."""
    request = urllib.request.Request(
        f"{URL}/v1/{path}",
        data=json.dumps(body).encode(),
        headers={"x-api-key": KEY, "content-type": "application/json"},
    )
    with urllib.request.urlopen(request) as response:
        return json.load(response)


def invoice(amount_due, currency, credits=0):
    """An invoice in minor units, of a customer who has so many credits."""
    customer = florin("customers", {})
    if credits:
        florin(f"customers/{customer['id']}/credits", {"amount": credits, "currency": currency})
    wanted = {"amount_due": amount_due, "currency": currency, "customer_id": customer["id"]}
    return florin("invoices", wanted)


class Payments(unittest.TestCase):
    def setUp(self):
        self.flexprice = Flexprice(server_url=f"{URL}/flexprice/v1", api_key_auth=KEY)
        self.payments = self.flexprice.payments
        self.addCleanup(self.flexprice.__exit__, None, None, None)

    def wanted(self, **changes):
        """The arguments of a payment by card, towards an invoice of its own."""
        wanted = {
            "amount": "10.00",
            "currency": "usd",
            "destination_type": "INVOICE",
            "payment_method_type": "CARD",
            "payment_method_id": "pm_test_success",
        }
        wanted.update(changes)
        if "destination_id" not in wanted:
            wanted["destination_id"] = invoice(100_000, wanted["currency"])["id"]
        return {name: value for name, value in wanted.items() if value is not None}

    def create(self, **changes):
        return self.payments.create_payment(**self.wanted(**changes))

    def assert_refused(self, status, florin_code, call, *arguments, **named):
        with self.assertRaises((ErrorResponse, FlexpriceDefaultError)) as caught:
            call(*arguments, **named)
        error = caught.exception
        body = json.loads(error.body)
        self.assertEqual((error.status_code, body["details"]["code"]), (status, florin_code), error.body)
        if isinstance(error, ErrorResponse):
            self.assertEqual(error.data.http_status_code, status)
            self.assertEqual((error.data.message, error.data.code), (body["message"], body["code"]))
        else:
            self.assertNotIn(status, (400, 500), "the SDK did not recognize the error's form")
        return body

    def test_each_method_pays_an_invoice(self):
        methods = [
            ("CARD", "pm_test_success", "SUCCEEDED"),
            ("ACH", "pm_test_ach", "PROCESSING"),
            ("OFFLINE", None, "SUCCEEDED"),
            ("CREDITS", None, "SUCCEEDED"),
        ]
        for kind, method, status in methods:
            with self.subTest(kind):
                owed = invoice(1250, "USD", credits=1250)
                made = self.create(
                    amount="12.50",
                    payment_method_type=kind,
                    payment_method_id=method,
                    destination_id=owed["id"],
                    metadata={"order": "7"},
                )
                self.assertEqual((made.payment_status, made.payment_method_type), (status, kind))
                self.assertEqual((made.amount, made.currency), ("12.50", "usd"))
                self.assertEqual((made.destination_type, made.destination_id), ("INVOICE", owed["id"]))
                self.assertEqual((made.invoice_number, made.payment_method_id), (owed["number"], method))
                self.assertEqual(made.metadata, {"order": "7"})
                self.assertEqual([attempt.attempt_number for attempt in made.attempts], [1])
                self.assertEqual(made.attempts[0].payment_id, made.id)
                self.assertIs(made.track_attempts, True)
                self.assertEqual(made.succeeded_at is not None, status == "SUCCEEDED")
                self.assertIsNotNone(made.created_at.tzinfo)
                self.assertEqual(self.payments.get_payment(id=made.id), made)

    def test_a_payment_is_recorded_and_processed_later_by_each_method(self):
        methods = [
            ("CARD", "pm_test_success", "SUCCEEDED"),
            ("ACH", "pm_test_ach", "PROCESSING"),
            ("OFFLINE", None, "SUCCEEDED"),
            ("CREDITS", None, "SUCCEEDED"),
        ]
        for kind, method, status in methods:
            with self.subTest(kind):
                made = self.create(
                    payment_method_type=kind,
                    payment_method_id=method,
                    process_payment=False,
                    destination_id=invoice(1000, "USD", credits=1000)["id"],
                )
                self.assertEqual((made.payment_status, made.attempts), ("PENDING", []))
                processed = self.payments.process_payment(id=made.id)
                self.assertEqual((processed.id, processed.payment_status), (made.id, status))
                self.assertEqual(len(processed.attempts), 1)

    def test_amounts_have_the_currencys_own_decimals(self):
        for sent, currency, shown in [
            ("12.5", "usd", "12.50"),
            ("500", "jpy", "500"),
            ("1.234", "kwd", "1.234"),
            ("1.2345", "clf", "1.2345"),
        ]:
            made = self.create(amount=sent, currency=currency)
            self.assertEqual((made.amount, made.currency), (shown, currency))
        for sent, currency in [("1.5", "jpy"), ("1.234", "usd"), ("1.2345", "kwd"), ("0", "usd")]:
            body = self.assert_refused(400, "parameter_invalid", self.create, amount=sent, currency=currency)
            self.assertEqual(body["details"]["param"], "amount")

    def test_a_key_pays_once(self):
        key = f"order-{uuid.uuid4()}"
        wanted = self.wanted(idempotency_key=key)
        first = self.payments.create_payment(**wanted)
        self.assertEqual(first.idempotency_key, key)
        self.assertEqual(self.payments.create_payment(**wanted), first)
        changed = {**wanted, "amount": "11.00"}
        self.assert_refused(422, "idempotency_key_reused", self.payments.create_payment, **changed)
        listed = self.payments.list_payments(destination_id=wanted["destination_id"])
        self.assertEqual(listed.pagination.total, 1)

    def test_a_list_has_filters_and_pages(self):
        owed = invoice(100_000, "USD")["id"]
        paid = [self.create(destination_id=owed).id for _ in range(3)]
        later = self.create(destination_id=owed, process_payment=False)
        offline = self.create(destination_id=owed, payment_method_type="OFFLINE", payment_method_id=None).id

        def ids(**filters):
            listed = self.payments.list_payments(destination_id=owed, **filters)
            self.assertEqual(listed.pagination.total, len(listed.items))
            return [payment.id for payment in listed.items]

        newest_first = [offline, later.id, *reversed(paid)]
        self.assertEqual(ids(), newest_first)
        self.assertEqual(ids(payment_ids=[paid[0], offline]), [offline, paid[0]])
        self.assertEqual(ids(payment_ids=[paid[1]], payment_status="PENDING"), [])
        self.assertEqual(ids(payment_status="PENDING"), [later.id])
        self.assertEqual(ids(payment_method_type="OFFLINE"), [offline])
        self.assertEqual(ids(currency="eur"), [])
        self.assertEqual(ids(destination_type="INVOICE", status="published", sort="created_at", order="desc"), newest_first)
        self.assertEqual(ids(order="asc"), newest_first[::-1])
        since = later.created_at.isoformat()
        self.assertIn(later.id, ids(start_time=since))
        self.assertNotIn(later.id, ids(start_time="2999-01-01T00:00:00Z"))
        self.assertIn(paid[0], ids(end_time=since))

        found = []
        for offset in (0, 2, 4):
            page = self.payments.list_payments(destination_id=owed, limit=2, offset=offset)
            self.assertEqual((page.pagination.total, page.pagination.limit, page.pagination.offset), (5, 2, offset))
            found += [payment.id for payment in page.items]
        self.assertEqual(found, newest_first)

    def test_metadata_is_replaced_and_a_status_can_not_be_set(self):
        made = self.create(metadata={"a": "1", "b": "2"})
        changed = self.payments.update_payment(id=made.id, metadata={"b": "3"})
        self.assertEqual(changed.metadata, {"b": "3"})
        update = self.payments.update_payment
        self.assert_refused(400, "field_immutable", update, id=made.id, payment_status="FAILED")
        self.assertEqual(self.payments.get_payment(id=made.id).payment_status, "SUCCEEDED")

    def test_to_delete_is_to_cancel(self):
        made = self.create(process_payment=False)
        self.assertTrue(self.payments.delete_payment(id=made.id).message)
        found = self.payments.get_payment(id=made.id)
        self.assertEqual((found.payment_status, found.voided_at is not None), ("VOIDED", True))
        self.assert_refused(409, "payment_already_canceled", self.payments.delete_payment, id=made.id)
        paid = self.create().id
        self.assert_refused(400, "payment_not_cancelable", self.payments.delete_payment, id=paid)

    def test_what_has_no_outcome_yet_is_processing(self):
        for method in ("pm_test_processor_error", "pm_test_requires_action"):
            made = self.create(payment_method_id=method, success_url="https://shop.example/done")
            self.assertEqual(made.payment_status, "PROCESSING")
            self.assertEqual(made.payment_url is not None, method == "pm_test_requires_action")

    def test_errors_say_what_was_wrong(self):
        body = self.assert_refused(400, "payment_declined", self.create, payment_method_id="pm_test_decline")
        failed = self.payments.get_payment(id=body["details"]["payment_id"])
        self.assertEqual((failed.payment_status, failed.error_message), ("FAILED", body["message"]))
        poor = invoice(1000, "USD")["id"]
        credits = {"payment_method_type": "CREDITS", "payment_method_id": None, "destination_id": poor}
        self.assert_refused(400, "insufficient_credits", self.create, **credits)
        self.assert_refused(422, "amount_exceeds_invoice", self.create, amount="10.01", destination_id=poor)
        nowhere = "inv_01k9dcq4w0e7qs9x3v5m8ffh2a"
        self.assert_refused(404, "invoice_not_found", self.create, destination_id=nowhere)
        self.assert_refused(400, "parameter_invalid", self.create, save_card_and_make_default=True)
        self.assert_refused(400, "parameter_invalid", self.create, payment_gateway="stripe")
        self.assert_refused(404, "payment_not_found", self.payments.get_payment, id="pay_nothing")
        self.assert_refused(404, "payment_not_found", self.payments.process_payment, id="pay_nothing")
        paid = self.create().id
        self.assert_refused(409, "payment_not_processable", self.payments.process_payment, id=paid)
        self.assert_refused(400, "parameter_invalid", self.payments.list_payments, limit=1000)
        with Flexprice(server_url=f"{URL}/flexprice/v1", api_key_auth="sk_test_wrong") as stranger:
            self.assert_refused(401, "authentication_error", stranger.payments.get_payment, id=paid)

    def test_the_asynchronous_client_does_the_same(self):
        async def pay(wanted):
            async with Flexprice(server_url=f"{URL}/flexprice/v1", api_key_auth=KEY) as flexprice:
                made = await flexprice.payments.create_payment_async(**wanted)
                listed = await flexprice.payments.list_payments_async(payment_ids=[made.id])
                return made, listed.items

        made, listed = asyncio.run(pay(self.wanted()))
        self.assertEqual(listed, [made])


if __name__ == "__main__":
    unittest.main(verbosity=2)
