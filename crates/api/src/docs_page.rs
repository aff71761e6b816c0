//! The OpenAPI document as a page for people: plain HTML, made once, without scripts and without anything from elsewhere.

use std::fmt::Write;

use serde_json::{Map, Value};

/// The page's style sheet.
pub(crate) const STYLE: &str = include_str!("docs_page.css");

/// The page for an OpenAPI document.
pub(crate) fn render(document: &Value) -> String {
    let mut page = Page { document, html: String::with_capacity(256 * 1024) };
    page.head();
    page.contents();
    for (path, method, operation) in operations(document) {
        page.operation(path, method, operation);
    }
    page.html.push_str("<h2 id=\"schemas\">Objects</h2>");
    for (name, schema) in members(&document["components"]["schemas"]) {
        page.schema(name, schema);
    }
    page.html.push_str("</main></body></html>");
    page.html
}

struct Page<'a> {
    document: &'a Value,
    html: String,
}

impl Page<'_> {
    fn head(&mut self) {
        let info = &self.document["info"];
        let (title, version) = (escape(text(&info["title"])), escape(text(&info["version"])));
        let about = escape(text(&info["description"]));
        self.push(format_args!(
            "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><title>{title} API</title>\
             <meta name=\"viewport\" content=\"width=device-width\"><link rel=\"stylesheet\" href=\"/docs/style.css\">\
             </head><body><main><h1>{title} API <small>{version}</small></h1><p>{about}</p>\
             <p>The same for programs: <a href=\"/openapi.json\">openapi.json</a>.</p>"
        ));
        self.html.push_str("<h2>Authentication</h2><dl>");
        for (name, scheme) in members(&self.document["components"]["securitySchemes"]) {
            let (name, about) = (escape(name), rich(text(&scheme["description"])));
            self.push(format_args!("<dt><code>{name}</code></dt><dd>{about}</dd>"));
        }
        self.html.push_str("</dl>");
    }

    fn contents(&mut self) {
        self.html.push_str("<h2>Calls</h2><ul class=\"contents\">");
        for (path, method, operation) in operations(self.document) {
            let (id, summary) =
                (escape(text(&operation["operationId"])), escape(text(&operation["summary"])));
            let (path, method) = (escape(path), method.to_uppercase());
            self.push(format_args!(
                "<li><a href=\"#{id}\"><b>{method}</b> <code>{path}</code></a> {summary}</li>"
            ));
        }
        self.html.push_str("</ul>");
    }

    fn operation(&mut self, path: &str, method: &str, operation: &Value) {
        let (id, summary) = (escape(text(&operation["operationId"])), escape(text(&operation["summary"])));
        let (path, method, about) =
            (escape(path), method.to_uppercase(), rich(text(&operation["description"])));
        self.push(format_args!(
            "<section id=\"{id}\"><h3>{summary}</h3><p class=\"call\"><b>{method}</b> <code>{path}</code></p><p>{about}</p>"
        ));
        self.parameters(&operation["parameters"]);
        let body = &operation["requestBody"]["content"]["application/json"]["schema"];
        if !body.is_null() {
            let link = describe(body);
            self.push(format_args!("<p>Body: {link}</p>"));
        }
        self.responses(&operation["responses"]);
        self.html.push_str("</section>");
    }

    fn parameters(&mut self, parameters: &Value) {
        let Some(parameters) = parameters.as_array() else { return };
        self.html.push_str("<table><tr><th>Parameter<th>In<th>Type<th>Meaning");
        for parameter in parameters {
            let (name, place) = (escape(text(&parameter["name"])), escape(text(&parameter["in"])));
            let (kind, about) = (describe(&parameter["schema"]), rich(text(&parameter["description"])));
            self.push(format_args!("<tr><td><code>{name}</code><td>{place}<td>{kind}<td>{about}"));
        }
        self.html.push_str("</table>");
    }

    fn responses(&mut self, responses: &Value) {
        self.html.push_str("<table><tr><th>Status<th>Body<th>Meaning");
        for (status, response) in members(responses) {
            let about = rich(text(&response["description"]));
            let (content_type, content) = members(&response["content"]).next().unwrap_or(("", &Value::Null));
            let body = match content_type {
                "application/json" => describe(&content["schema"]),
                other => escape(other),
            };
            self.push(format_args!("<tr><td>{status}<td>{body}<td>{about}"));
        }
        self.html.push_str("</table>");
    }

    fn schema(&mut self, name: &str, schema: &Value) {
        let name = escape(name);
        self.push(format_args!("<section id=\"schema-{name}\"><h3>{name}</h3>"));
        let about = rich(text(&schema["description"]));
        self.push(format_args!("<p>{about}</p>"));
        if let Some(example) = example_of(schema) {
            let example = escape(&serde_json::to_string_pretty(example).unwrap_or_default());
            self.push(format_args!("<pre tabindex=\"0\">{example}</pre>"));
        }
        match properties_of(schema) {
            Some((properties, required)) => self.properties(properties, required),
            None => {
                let kind = describe(schema);
                self.push(format_args!("<p>{kind}</p>"));
            }
        }
        self.html.push_str("</section>");
    }

    fn properties(&mut self, properties: &Map<String, Value>, required: &Value) {
        self.html.push_str("<table><tr><th>Field<th>Type<th>Meaning");
        for (name, property) in properties {
            let must = required.as_array().is_some_and(|names| names.iter().any(|other| other == name));
            let (kind, about) = (describe(property), rich(text(&property["description"])));
            let (name, mark) = (escape(name), if must { "" } else { " <i>optional</i>" });
            self.push(format_args!("<tr><td><code>{name}</code>{mark}<td>{kind}<td>{about}"));
        }
        self.html.push_str("</table>");
    }

    fn push(&mut self, arguments: std::fmt::Arguments<'_>) {
        self.html.write_fmt(arguments).expect("a String takes every write");
    }
}

/// Every operation by path and method.
fn operations(document: &Value) -> impl Iterator<Item = (&str, &str, &Value)> {
    members(&document["paths"])
        .flat_map(|(path, item)| members(item).map(move |(method, operation)| (path, method, operation)))
}

fn members(value: &Value) -> impl Iterator<Item = (&str, &Value)> {
    value.as_object().into_iter().flatten().map(|(name, value)| (name.as_str(), value))
}

fn properties_of(schema: &Value) -> Option<(&Map<String, Value>, &Value)> {
    let whole = std::iter::once(schema).chain(schema["allOf"].as_array().into_iter().flatten());
    whole.filter_map(|part| Some((part["properties"].as_object()?, &part["required"]))).next()
}

fn example_of(schema: &Value) -> Option<&Value> {
    let whole = std::iter::once(schema).chain(schema["allOf"].as_array().into_iter().flatten());
    whole.map(|part| &part["examples"][0]).find(|example| example.is_object())
}

/// A schema in a few words, with a link where it has a name.
fn describe(schema: &Value) -> String {
    if let Some(name) = schema["$ref"].as_str().and_then(|path| path.rsplit('/').next()) {
        let name = escape(name);
        return format!("<a href=\"#schema-{name}\">{name}</a>");
    }
    if let Some(choices) = schema["oneOf"].as_array().or(schema["anyOf"].as_array()) {
        return choices.iter().map(describe).collect::<Vec<_>>().join(" or ");
    }
    if let Some(words) = schema["enum"].as_array() {
        let words = words.iter().map(|word| format!("<code>{}</code>", escape(&plain(word))));
        return words.collect::<Vec<_>>().join(" ");
    }
    let kind = match &schema["type"] {
        Value::Array(kinds) => kinds.iter().map(plain).collect::<Vec<_>>().join(" or "),
        other => plain(other),
    };
    let mut words = escape(&kind);
    if schema["items"].is_object() {
        words = format!("array of {}", describe(&schema["items"]));
    }
    for (keyword, label) in [
        ("format", ""),
        ("minimum", "from "),
        ("maximum", "to "),
        ("minLength", "min. characters: "),
        ("maxLength", "max. characters: "),
        ("default", "default: "),
    ] {
        if !schema[keyword].is_null() {
            let value = escape(&plain(&schema[keyword]));
            words.push_str(&format!(", {label}{value}"));
        }
    }
    words
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// A text in which back-quotes mark code and empty lines part paragraphs.
fn rich(text: &str) -> String {
    let mut html = String::with_capacity(text.len());
    for (index, part) in escape(text).split('`').enumerate() {
        match index % 2 {
            0 => html.push_str(&part.replace("\n\n", "<br>")),
            _ => html.push_str(&format!("<code>{part}</code>")),
        }
    }
    html
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
