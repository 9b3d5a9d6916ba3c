//! `[[webhook]]`.

use std::net::IpAddr;
use std::ops::RangeInclusive;
use std::time::Duration;

use ureq::http::{HeaderName, HeaderValue, Uri};
use ureq::tls::{Certificate, ClientCert, PemItem, PrivateKey, parse_pem};

use super::read::{Table, Value};
use super::{chosen, good, refuse_never, settings};
use crate::deliver::batch::Limits;
use crate::deliver::formats::{self, FORMATS};
use crate::deliver::jq::Use;
use crate::deliver::retry::Policy;
use crate::deliver::sign::{Secret, Signature};
use crate::deliver::{Address, CONTENT_TYPE, Hidden, Proxy, Settle, Target, Tls, WEBHOOK, Webhook, WhenFull, proxy};
use crate::filter::Filter;
use crate::filter::globs::Globs;
use crate::settle::rate::Rate;
use crate::units;

/// How often something must come at most.
const RATE_COUNT_MAX: u32 = 1000;
/// Events in a batch at most, whatever is asked for.
const BATCH_EVENTS_MAX: u64 = 100_000;
/// Names that a format has for something of its own, and that no field may have.
const RESERVED_FIELDS: &[&str] = &[
    "service_name",
    "host",
    "event",
    "netns",
    "specversion",
    "id",
    "source",
    "type",
    "subject",
    "time",
    "datacontenttype",
    "dataschema",
    "data",
    "event_id",
];
/// Parts of names of headers whose values are secret.
const SECRET_HEADERS: &[&str] = &["authorization", "cookie", "token", "key", "secret", "password"];
/// Headers that linkhook writes itself, beside all that begin with `webhook-` and `linkhook-`.
const OWN_HEADERS: &[&str] = &["content-length", CONTENT_TYPE, "host", "transfer-encoding", "connection", "expect"];

/// Reads a webhook; `None` where it is too broken to be one.
pub(super) fn webhook(value: &Value<'_>) -> Option<Webhook> {
    named(WEBHOOK, value, read)
}

/// Reads a table that is called by its name from then on.
pub(super) fn named<T>(word: &str, value: &Value<'_>, read: impl Fn(&Table<'_>) -> Option<T>) -> Option<T> {
    let name = value.any_table("", |table| {
        table.get("name").filter(Value::is_text).and_then(|name| name.text()).map(str::to_owned)
    });
    let Some(name) = name else {
        value.wrong(format_args!("a table is needed: [[{word}]]"));
        return None;
    };
    let prefix = name.map_or_else(|| format!("{}.", value.key), |name| format!("{word}[{name}]."));
    value.any_table(&prefix, read).flatten()
}

fn read(table: &Table<'_>) -> Option<Webhook> {
    table.only(&settings::names(settings::WEBHOOK));
    let url = table.need("url", "where events go, such as \"https://noc.example/hooks/net\"");
    let url = url.and_then(|value| url_and_place(&value));
    let format = table.get("format").and_then(|value| format(&value)).unwrap_or(FORMATS[0]);
    let body = table.get("body").and_then(|value| body(&value, format));
    let taken = table.get("taken").and_then(|value| value.expression(Use::Taken));
    let headers = table.get("headers").and_then(|value| headers(&value, body.is_some()));
    let (headers, secret_header) = headers.unwrap_or_default();
    let secrets = table.get("secret").map(|value| secrets(&value)).unwrap_or_default();
    let signature = table.get("signature").and_then(|value| signature(&value, &secrets)).unwrap_or_default();
    let metadata = table.get("metadata").and_then(|value| metadata(&value, format)).unwrap_or(true);
    let compresses = table.get("compress").and_then(|value| value.one_of(&["gzip", "none"])) == Some("gzip");
    if let Some((address, place)) = &url
        && (secret_header || !secrets.is_empty())
        && is_open_to_others(&address.0)
    {
        warn_of_plain_http(table, place, secret_header);
    }
    let tls = table.get("tls").and_then(|value| value.table(settings::TLS, tls)).unwrap_or_default();
    let proxy = match table.get("proxy") {
        Some(value) => configured_proxy(&value),
        None => url.as_ref().and_then(|(url, _)| environment_proxy(table, url)),
    };
    let target = url.zip(proxy).map(|((url, place), proxy)| {
        Target::Address(Box::new(Address { url, place, headers, secrets, signature, tls, proxy }))
    });
    let webhook =
        for_target(table, target, format, Limits { events: 500, bytes: 1 << 20, wait: Duration::from_secs(1) });
    Some(Webhook { body, taken, metadata, compresses, ..webhook? })
}

/// What a webhook and a command have in common. `None` where the name or the target is too broken.
pub(super) fn for_target(
    table: &Table<'_>,
    target: Option<Target>,
    format: &'static formats::Format,
    mut limits: Limits,
) -> Option<Webhook> {
    let rate = table.get("rate").and_then(|value| rate(&value));
    let quiet = table.get("settle").and_then(|value| value.some_duration());
    let same = table.get("settle_same");
    let skips_same = same.as_ref().and_then(|value| value.one_of(&["tell", "skip"])) == Some("skip");
    if let Some(value) = same.filter(|_| table.get("settle").is_none()) {
        value.refused("there is no settle; write for how long it must be quiet, such as settle = \"3s\"");
    }
    let name = table.need("name", "a name that is this one's alone").and_then(|value| name(&value));
    let (filter, own) = wanted(table);
    let jq = table.get("filter").and_then(|value| value.expression(Use::Filter));
    if let Some(value) = table.get("batch") {
        value.table(settings::BATCH, |table| batch(table, &mut limits));
    }
    let fields = table.get("fields").and_then(|value| fields(&value, format)).unwrap_or_default();
    let mut policy = Policy { statuses: format.statuses.to_vec(), ..Policy::default() };
    if let Some(value) = table.get("retry") {
        value.table(settings::RETRY, |table| retry(table, &mut policy));
        if policy.first > policy.most {
            value.refused("first is longer than most");
        }
    }
    let (mut spool_bytes, mut when_full) = (256 << 20, WhenFull::DropOldest);
    if let Some(value) = table.get("spool") {
        value.table(settings::SPOOL, |table| spool(table, &mut spool_bytes, &mut when_full));
    }
    let timeout = table.get("timeout").and_then(|value| value.some_duration()).unwrap_or(Duration::from_secs(30));
    Some(Webhook {
        name: name?,
        target: target?,
        filter,
        jq,
        own,
        format,
        body: None,
        taken: None,
        fields,
        metadata: true,
        compresses: false,
        settle: quiet.map(|quiet| Settle { quiet, skips_same }),
        rate,
        limits,
        retry: policy,
        spool_bytes,
        when_full,
        timeout,
    })
}

/// Which events it wants: objects, and linkhook's own events by their names.
fn wanted(table: &Table<'_>) -> (Filter, Vec<&'static str>) {
    let chosen = chosen(table);
    // Without kinds it gets every object; linkhook's own events only where they are named, and alone where nothing else is.
    let netns = Globs::new(&good(table.get("netns"), Globs::new)).unwrap_or_default();
    let filter = Filter { netns, ..chosen.filter() };
    refuse_never(table, &filter);
    let own = chosen.named.map(|named| named.own).unwrap_or_default();
    (filter, own)
}

/// `3/5m`: three times in five minutes.
fn rate(value: &Value<'_>) -> Option<Rate> {
    let parts = value.text()?.split_once('/');
    let read = parts.and_then(|(count, within)| {
        let count: u32 = count.trim().parse().ok()?;
        let within = units::duration(within.trim()).ok()?;
        ((2..=RATE_COUNT_MAX).contains(&count) && !within.is_zero()).then_some(Rate { count, within })
    });
    if read.is_none() {
        value.wrong(format_args!("how often in what time is needed, such as \"3/5m\"; 2 to {RATE_COUNT_MAX} times"));
    }
    read
}

fn warn_of_plain_http(table: &Table<'_>, place: &str, secret_header: bool) {
    let Some(value) = table.get("url") else { return };
    value.warn(format_args!(
        "over plain http everybody on the way to {place} can read {} and send it again; write https://",
        if secret_header { "what is secret in the headers" } else { "what is signed" },
    ));
}

fn name(value: &Value<'_>) -> Option<String> {
    let name = value.text()?;
    let good = |octet: u8| octet.is_ascii_alphanumeric() || b"._-".contains(&octet);
    if name.is_empty() || name.len() > 64 || name.starts_with('.') || !name.bytes().all(good) {
        value.wrong("1 to 64 letters, digits, '.', '_' and '-' are needed, '.' not first");
        return None;
    }
    Some(name.to_owned())
}

/// The address, and what of it may be shown.
fn url_and_place(value: &Value<'_>) -> Option<(Hidden, String)> {
    // A chat's address is a secret, and may stand elsewhere.
    let text = value.secret()?;
    let hidden = value.clone().hidden();
    let uri = text.parse::<Uri>().ok();
    let Some((uri, scheme, authority)) = uri.as_ref().and_then(|uri| Some((uri, uri.scheme_str()?, uri.authority()?)))
    else {
        hidden.wrong("an address such as \"https://noc.example/hooks/net\" is needed");
        return None;
    };
    if !matches!(scheme, "http" | "https") {
        hidden.wrong("http:// or https:// is needed");
        return None;
    }
    if authority.as_str().contains('@') {
        hidden.wrong("a name and a password do not belong here; write headers = { Authorization = { file = \"…\" } }");
        return None;
    }
    if !proxy::has_good_port(uri) {
        hidden.wrong("a port from 1 to 65535 is needed");
        return None;
    }
    Some((Hidden(uri.to_string()), format!("{scheme}://{authority}")))
}

fn format(value: &Value<'_>) -> Option<&'static formats::Format> {
    let known: Vec<&'static str> = FORMATS.iter().map(|format| format.name).collect();
    value.one_of(&known).and_then(formats::by_name)
}

/// Text that goes with each event.
fn fields(value: &Value<'_>, format: &formats::Format) -> Option<Vec<(String, String)>> {
    let read = value.any_table(&format!("{}.", value.key), |table| {
        let (words, is_good) = format.field_name;
        let fields = table.entries().filter_map(|(name, value)| {
            if !is_good(name) {
                value.refused(format_args!("{} are needed in the name of a field of {}", words, format.name));
                return None;
            }
            if RESERVED_FIELDS.contains(&name) {
                value.refused("linkhook has something of that name itself; give the field another one");
                return None;
            }
            Some((name.to_owned(), value.text()?.to_owned()))
        });
        fields.collect::<Vec<_>>()
    });
    if let Some(fields) = read.as_ref().filter(|fields| fields.len() > format.fields_max) {
        value.refused(format_args!("{} fields; {} has room for {}", fields.len(), format.name, format.fields_max));
    }
    if read.is_none() {
        value.wrong("a table of text is needed, such as { site = \"lab\" }");
    }
    read
}

/// Whether values go beside an event's labels.
fn metadata(value: &Value<'_>, format: &formats::Format) -> Option<bool> {
    let wanted = value.boolean()?;
    if !wanted && !format.has_metadata {
        let with: Vec<&str> = FORMATS.iter().filter(|format| format.has_metadata).map(|format| format.name).collect();
        value.refused(format_args!("{} has none; it is a key for format = \"{}\"", format.name, with.join(", ")));
    }
    Some(wanted)
}

/// What makes a body in the format's place.
fn body(value: &Value<'_>, format: &formats::Format) -> Option<String> {
    if format.name != FORMATS[0].name {
        value.refused(format_args!("it is made of what {} makes; remove the other format, or this", FORMATS[0].name));
    }
    value.expression(Use::Body)
}

/// The headers, and whether one of them seems to be secret. Whoever makes the body says what type it has.
fn headers(value: &Value<'_>, makes_body: bool) -> Option<(Vec<(String, Hidden)>, bool)> {
    let mut secret = false;
    let read = value.any_table(&format!("{}.", value.key), |table| {
        let headers = table.entries().filter_map(|(name, value)| {
            let own = name.to_ascii_lowercase();
            let is_own = OWN_HEADERS.contains(&own.as_str()) && !(makes_body && own == CONTENT_TYPE);
            if is_own || own.starts_with("webhook-") || own.starts_with("linkhook-") {
                value.refused(if own == CONTENT_TYPE {
                    "the format says what type a body has; remove it, or write body in place of format"
                } else {
                    "linkhook writes this header itself; remove it"
                });
                return None;
            }
            if HeaderName::try_from(name).is_err() {
                value.refused("this is no header's name: letters, digits and '-' are needed");
                return None;
            }
            let text = value.secret()?;
            if SECRET_HEADERS.iter().any(|part| own.contains(part)) {
                value.warn_inline();
                secret = true;
            }
            secret |= !value.is_text();
            if HeaderValue::try_from(text.as_str()).is_err() {
                value.refused("a header's value is needed: one line of visible characters");
                return None;
            }
            Some((name.to_owned(), Hidden(text)))
        });
        headers.collect()
    });
    if read.is_none() {
        value.clone().hidden().wrong("a table of headers is needed, such as { Authorization = { env = \"TOKEN\" } }");
    }
    read.map(|headers| (headers, secret))
}

/// Whether what is sent there leaves this machine as it is.
fn is_open_to_others(address: &str) -> bool {
    let Ok(uri) = address.parse::<Uri>() else { return false };
    let host = uri.host().unwrap_or_default().trim_matches(['[', ']']).to_ascii_lowercase();
    let here = host == "localhost"
        || host.ends_with(".localhost")
        || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
        || host == super::own_host().to_ascii_lowercase();
    uri.scheme_str() == Some("http") && !here
}

/// One secret, or a list while one is being replaced.
fn secrets(value: &Value<'_>) -> Vec<Secret> {
    let values = if value.is_list() { value.list().unwrap_or_default() } else { vec![value.clone()] };
    if values.is_empty() {
        value.refused("the list is empty; write a secret, or remove the key: without it nothing is signed");
    }
    let secrets = values.into_iter().filter_map(|value| {
        let text = value.secret()?;
        let secret = Secret::new(&text).map_err(|why| value.refused(format_args!("the secret cannot be used: {why}")));
        if secret.is_ok() {
            Secret::weaknesses(&text).for_each(|weakness| value.warn(format_args!("the secret is weak: {weakness}")));
            value.warn_inline();
        }
        secret.ok()
    });
    secrets.collect()
}

fn signature(value: &Value<'_>, secrets: &[Secret]) -> Option<Signature> {
    let word = value.one_of(&["standard", "github"])?;
    if secrets.is_empty() {
        value.refused("there is nothing to sign with; write a secret, or remove this key");
    }
    if word == "github" && secrets.len() > 1 {
        value.warn("X-Hub-Signature-256 has room for one signature: the first secret's");
    }
    Some(if word == "github" { Signature::Github } else { Signature::Standard })
}

fn batch(table: &Table<'_>, limits: &mut Limits) {
    if let Some(events) = table.get("events").and_then(|value| value.number(1, BATCH_EVENTS_MAX)) {
        limits.events = usize::try_from(events).unwrap_or(limits.events);
    }
    limits.bytes = table.get("bytes").and_then(|value| value.bytes()).unwrap_or(limits.bytes);
    limits.wait = table.get("wait").and_then(|value| value.duration()).unwrap_or(limits.wait);
}

fn retry(table: &Table<'_>, policy: &mut Policy) {
    policy.first = table.get("first").and_then(|value| value.some_duration()).unwrap_or(policy.first);
    policy.most = table.get("most").and_then(|value| value.some_duration()).unwrap_or(policy.most);
    policy.give_up_after =
        table.get("give_up_after").and_then(|value| value.some_duration()).unwrap_or(policy.give_up_after);
    if let Some(values) = table.get("statuses").and_then(|value| value.list()) {
        policy.statuses = values.iter().filter_map(statuses).collect();
    }
}

/// `503`, or a class such as `"5xx"`.
fn statuses(value: &Value<'_>) -> Option<RangeInclusive<u16>> {
    if !value.is_text() {
        let status = u16::try_from(value.number(300, 599)?).ok()?;
        return Some(status..=status);
    }
    match value.text()? {
        "3xx" => Some(300..=399),
        "4xx" => Some(400..=499),
        "5xx" => Some(500..=599),
        _ => {
            value.wrong("a status such as 503, or one of \"3xx\", \"4xx\" and \"5xx\" is needed");
            None
        }
    }
}

fn spool(table: &Table<'_>, bytes: &mut usize, when_full: &mut WhenFull) {
    *bytes = table.get("size").and_then(|value| value.bytes()).unwrap_or(*bytes);
    let Some(value) = table.get("when_full") else { return };
    match value.one_of(&["drop-oldest", "drop-newest", "block"]) {
        Some("drop-newest") => *when_full = WhenFull::DropNewest,
        Some("block") => *when_full = WhenFull::Block,
        _ => *when_full = WhenFull::DropOldest,
    }
}

fn tls(table: &Table<'_>) -> Tls {
    let authorities = table.get("ca").and_then(|value| certificates(&value));
    let client = match (table.get("cert"), table.get("key")) {
        (Some(cert), Some(key)) => {
            certificates(&cert).zip(private_key(&key)).map(|(chain, key)| ClientCert::new_with_certs(&chain, key))
        }
        (None, None) => None,
        (Some(one), _) | (_, Some(one)) => {
            one.refused("cert and key go together; write the other one, too");
            None
        }
    };
    Tls { authorities, client }
}

fn certificates(value: &Value<'_>) -> Option<Vec<Certificate<'static>>> {
    let contents = value.contents()?;
    let found: Vec<Certificate<'static>> = parse_pem(&contents)
        .filter_map(|item| match item {
            Ok(PemItem::Certificate(certificate)) => Some(certificate),
            _ => None,
        })
        .collect();
    if found.is_empty() {
        value.refused("there is no certificate in that file; PEM is needed");
        return None;
    }
    Some(found)
}

fn private_key(value: &Value<'_>) -> Option<PrivateKey<'static>> {
    let contents = value.contents()?;
    let key = PrivateKey::from_pem(&contents).ok();
    if key.is_none() {
        value.refused("there is no private key in that file; PEM is needed");
    }
    key
}

fn configured_proxy(value: &Value<'_>) -> Option<Proxy> {
    let text = value.secret()?;
    if text == "none" {
        return Some(Proxy::None);
    }
    if text.contains('@') {
        value.warn_inline();
    }
    if !proxy::is_usable(&text) {
        value.clone().hidden().wrong("\"none\" or an address such as \"http://proxy.example:3128\" is needed");
        return None;
    }
    Some(Proxy::Address(Hidden(text)))
}

/// What the environment says, where the configuration says nothing.
fn environment_proxy(table: &Table<'_>, url: &Hidden) -> Option<Proxy> {
    let url = url.0.parse::<Uri>().ok()?;
    let Some((variable, address)) = proxy::of_environment(table.environment(), &url) else { return Some(Proxy::None) };
    if !proxy::is_usable(&address) {
        table.refused(
            "proxy",
            format_args!(
                "{variable} in the environment is no address such as http://proxy.example:3128; mend it, or write \
                 proxy = \"none\""
            ),
        );
        return None;
    }
    Some(Proxy::Environment(Hidden(address)))
}
