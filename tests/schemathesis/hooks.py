"""What schemathesis' configuration file can't say. Named there as `hooks`."""

import schemathesis


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
