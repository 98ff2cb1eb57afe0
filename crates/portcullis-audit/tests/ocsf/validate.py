"""Whether events are OCSF 1.8.0, by the schemas that the package `ocsf-json-schema` holds.

    validate.py FILE

FILE has one event a line. Prints, for each line, how many errors it has; the first errors go to the standard error.
Besides the schema's own rules: no attribute is deprecated, and a caption is the one of its number.
"""

import functools
import json
import sys

import jsonschema
from ocsf_json_schema import OcsfJsonSchemaEmbedded, get_ocsf_schema

source = get_ocsf_schema("1.8.0")
assert source["version"] == "1.8.0"
schemas = OcsfJsonSchemaEmbedded(source)


@functools.cache
def validator(name, profiles):
    schema = schemas.get_class_schema(name, list(profiles))
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


def deprecated(schema, value, root):
    """Attributes that are there and should not be used any more."""
    if isinstance(value, list):
        return [found for item in value for found in deprecated(schema.get("items", {}), item, root)]
    if "$ref" in schema:
        schema = root["$defs"][schema["$ref"].removeprefix("#/$defs/")]
    if not isinstance(value, dict):
        return []
    found = []
    for key, item in value.items():
        attribute = schema.get("properties", {}).get(key, {})
        if attribute.get("deprecated"):
            found.append(f"{key} is deprecated")
        found += deprecated(attribute, item, root)
    return found


def captions(name, event):
    """Captions that are not those of their numbers. 99 leaves the caption to us."""
    attributes = source["classes"][name]["attributes"]
    pairs = [("activity_id", "activity_name"), ("class_uid", "class_name"), ("category_uid", "category_name")]
    pairs += [("severity_id", "severity"), ("status_id", "status"), ("auth_protocol_id", "auth_protocol")]
    for number, caption in pairs:
        if caption in event and event[number] != 99:
            wanted = attributes[number]["enum"][str(event[number])]["caption"]
            if event[caption] != wanted:
                yield f"{caption} is {event[caption]} and not {wanted}"


def errors(event):
    profiles = tuple(event.get("metadata", {}).get("profiles", ()))
    try:
        name = schemas.lookup_class_name_from_uid(event.get("class_uid"))
    except ValueError as error:
        return [str(error)]
    checker = validator(name, profiles)
    found = [error.message for error in checker.iter_errors(event)]
    if not found:
        found += deprecated(checker.schema, event, checker.schema)
        found += captions(name, event)
        # What the schema says in words: how the type is made of class and activity.
        if event["type_uid"] != event["class_uid"] * 100 + event["activity_id"]:
            found.append("type_uid is not made of class and activity")
    return found


for line in open(sys.argv[1], encoding="utf-8"):
    found = errors(json.loads(line))
    if found:
        print(found[:3], file=sys.stderr)
    print(len(found))
