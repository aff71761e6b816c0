"""What schemathesis' configuration file can't say. Named there as `hooks`."""

import json
import zlib

import schemathesis

# What the sandbox has to pay with, each with an outcome of its own.
PAYMENT_METHODS = [
    "pm_test_success",
    "pm_test_decline",
    "pm_test_insufficient_funds",
    "pm_test_timeout",
    "pm_test_requires_action",
    "pm_test_refund_fails",
    "pm_test_refund_pending",
]
# The key that `florin dev` makes, with which the run calls.
OWN_KEY_ID = "key_01jgfjjz00e008000000000002"
CURRENCIES = ["USD", "jpy", "KWD", "CLF"]
# What a random id next to never names.
REFERENCES = ["customer_id", "destination_id", "destination_type"]


@schemathesis.hook
def map_body(context, body):
    """Spells whole numbers as integers.

    To JSON Schema 10.0 is an integer, and schemathesis sends it as valid data. Florin refuses every float as an
    amount, in whatever spelling, and no schema can say so. Other floats stay as they are.
    """
    return spell_whole_numbers(body)


def spell_whole_numbers(value):
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, dict):
        return {key: spell_whole_numbers(item) for key, item in value.items()}
    if isinstance(value, list):
        return [spell_whole_numbers(item) for item in value]
    return value


@schemathesis.hook
def before_call(context, case, kwargs):
    """Takes away what excludes each other, which OpenAPI has no words for, and names what exists.

    A list takes one of offset, starting_after and ending_before; a request has one idempotency key, in its header or in
    its body; an invoice has lines or an amount; a payment request is for an invoice when it names one; each kind of payment method shows other facts. Only where the data is meant to be valid: what is meant to be refused stays as it is.
    """
    spare_own_key(case)
    if case.meta is not None and not case.meta.generation.mode.is_positive:
        return
    positions = [name for name in ("offset", "starting_after", "ending_before") if name in (case.query or {})]
    for name in positions[1:]:
        del case.query[name]
    if isinstance(case.body, dict) and "idempotency_key" in case.body:
        for name in [name for name in (case.headers or {}) if name.lower() == "idempotency-key"]:
            del case.headers[name]
    repair = REPAIRS.get(context.operation.label if context.operation is not None else None)
    if repair is not None and isinstance(case.body, dict):
        repair(case.body)


def spare_own_key(case):
    """Names a key that does not exist instead of the run's own, without which all later calls would be refused."""
    parameters = case.path_parameters or {}
    if parameters.get("id") == OWN_KEY_ID:
        parameters["id"] = "key_01jgfjjz00e008000000000009"


def agree_on_invoice(body):
    """Leaves the amount to the lines, keeps their sum small, and names a currency that exists, in place."""
    if body.get("lines"):
        body.pop("amount_due", None)
    for line in body.get("lines") or []:
        line["unit_amount"] = min(line["unit_amount"], 10**6)
        line["quantity"] = min(line.get("quantity") or 1, 100)
    choice = zlib.crc32(json.dumps(body, sort_keys=True, default=str).encode())
    if choice % 4 > 0:
        body["currency"] = CURRENCIES[choice // 4 % 4]
        body.pop("customer_id", None)


def agree_on_request(body):
    """Asks for a product, until a time to come, in a currency that exists, of nobody in particular, in place."""
    if body.get("type") == "invoice":
        body["type"] = "product"
    for name in ("destination_id", "destination_type", "expires_at", "customer_id"):
        body.pop(name, None)
    choice = zlib.crc32(json.dumps(body, sort_keys=True, default=str).encode())
    body["currency"] = CURRENCIES[choice % 4]


def send_to_somebody(body):
    """Names an address that a mail server would take, in place: what is one, no pattern can say."""
    if body.get("email") is not None:
        body["email"] = "ada@example.com"


def agree_on_payment_method(body):
    """Leaves what a card or a bank account shows, in place."""
    foreign = ["brand", "exp_month", "exp_year"] if body.get("type") == "ACH" else ["bank_name"]
    for name in foreign:
        body.pop(name, None)
    if body.get("exp_month") is None or body.get("exp_year") is None:
        body.pop("exp_month", None)
        body.pop("exp_year", None)


def name_what_exists(body):
    """Lets three of four valid creations make a payment, in place.

    A random currency or payment method is well formed and next to never exists, so that nearly nothing would be made,
    and what follows a payment would hardly be met. The choice depends on the body alone, as a run does on its seed.
    """
    if body.get("destination_id") is None or body.get("destination_type") is None:
        body.pop("destination_id", None)
        body.pop("destination_type", None)
    choice = zlib.crc32(json.dumps(body, sort_keys=True, default=str).encode())
    if choice % 4 > 0:
        body["currency"] = CURRENCIES[choice // 4 % 4]
        for name in REFERENCES:
            body.pop(name, None)
    kind = body.get("payment_method_type")
    if kind == "CREDITS" and body.get("customer_id") is None:
        kind = body["payment_method_type"] = "OFFLINE"
    if kind in ("ACH", "OFFLINE", "CREDITS"):
        body.pop("capture_method", None)
    if kind in ("OFFLINE", "CREDITS"):
        body.pop("payment_method_id", None)
    elif kind == "ACH":
        body["payment_method_id"] = "pm_test_ach"
    elif choice % 4 > 0:
        body["payment_method_id"] = PAYMENT_METHODS[choice // 16 % len(PAYMENT_METHODS)]
    elif body.get("payment_method_id") is None:
        # A payment without a payment method can be recorded, and is then refused by a later `process` that names none
        # either: 400, which that call's own schema can't say. So each one has a payment method.
        body["payment_method_id"] = PAYMENT_METHODS[0]


def keep_all_currencies(body):
    """What one call switches off, all later ones would be refused for."""
    if "currencies" in body:
        body["currencies"] = None


REPAIRS = {
    "POST /v1/payments": name_what_exists,
    "POST /v1/invoices": agree_on_invoice,
    "POST /v1/payment_methods": agree_on_payment_method,
    "POST /v1/payment_requests": agree_on_request,
    "POST /v1/payment_requests/{id}/send": send_to_somebody,
    "PATCH /v1/tenant": keep_all_currencies,
}
