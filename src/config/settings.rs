//! Every key of the configuration: what it is, what holds without it, within which bounds, and an example. No other may be written;
//! docs/config.md is made from these rows, and tests hold each of them against what is read.

/// A key.
#[derive(Debug)]
pub struct Setting {
    /// Its name.
    pub key: &'static str,
    /// What its value is.
    pub holds: &'static str,
    /// What holds without it, as it would be written; empty where nothing would say the same.
    pub default: &'static str,
    /// Which values are taken, in words; empty where any are.
    pub bound: &'static str,
    /// A value beyond the bound, as it would be written; empty where there is none.
    pub beyond: &'static str,
    /// A good value, as it would be written.
    pub example: &'static str,
    /// What it does.
    pub about: &'static str,
}

/// A table of keys.
#[derive(Debug)]
pub struct Settings {
    /// How it is written: `[watch]`, `retry` of `[[webhook]]`.
    pub title: &'static str,
    /// Its keys.
    pub keys: &'static [Setting],
}

/// A key, in the order of the columns in docs/config.md; what is beyond its bound stands behind the bound.
const fn setting(
    key: &'static str,
    holds: &'static str,
    default: &'static str,
    (bound, beyond): (&'static str, &'static str),
    example: &'static str,
    about: &'static str,
) -> Setting {
    Setting { key, holds, default, bound, beyond, example, about }
}

const LIST: &str = "list of text";
const TEXT: &str = "text";
const PATH: &str = "path";
const DURATION: &str = "duration";
const SIZE: &str = "size";
const BOOLEAN: &str = "`true` or `false`";
const SECRET: &str = "text, or one of `{ file = … }`, `{ env = … }`, `{ credential = … }`";
const TABLE: &str = "table, see below";
const ANY: (&str, &str) = ("", "");
const SOME_TIME: (&str, &str) = ("more than nothing, 3650d at most", "\"0s\"");
const SOME_BYTES: (&str, &str) = ("one byte at least", "\"0\"");
const NEEDED: &str = "";

/// Which events: `[watch]`, outputs and webhooks write the same.
const KINDS: Setting = setting(
    "kinds",
    LIST,
    "[]",
    ("kinds and own events of docs/events.md", "[\"rote\"]"),
    "[\"link\", \"route\"]",
    "Only these kinds of objects and events of linkhook's own; all kinds where it is empty",
);
const FAMILIES: Setting = setting(
    "families",
    LIST,
    "[]",
    ("`inet`, `inet6`, `mpls`, `bridge`", "[\"ipv4\"]"),
    "[\"inet6\"]",
    "Only objects of these address families; all where it is empty",
);
const INTERFACES: Setting = setting(
    "interfaces",
    LIST,
    "[]",
    ("names and patterns", "[\"eth[\"]"),
    "[\"*\", \"!veth*\"]",
    "Only what concerns such interfaces; the last pattern that fits decides, and one with `!` leaves out",
);
const ACTIONS: Setting = setting(
    "actions",
    LIST,
    "[]",
    ("`add`, `change`, `remove`, `present`", "[\"added\"]"),
    "[\"remove\"]",
    "Only these actions; all where it is empty",
);
const SIGNALS: Setting = setting(
    "signals",
    LIST,
    "[]",
    ("signals of docs/events.md", "[\"carrier\"]"),
    "[\"carrier_lost\"]",
    "Only events with one of these signals; all where it is empty",
);
const SEVERITY: Setting = setting(
    "severity",
    TEXT,
    "\"debug\"",
    ("`debug`, `info`, `notice`, `warning`, `err`", "\"error\""),
    "\"notice\"",
    "Only events that matter so much at least",
);
const FILTER: Setting = setting(
    "filter",
    "jq expression",
    "",
    ("docs/jq.md", "\".a ==\""),
    "'.route.dst == \"default\"'",
    "Only events for which it gives something else than null and false. It runs in a process of its own",
);

/// Every table, in the order of docs/config.md.
pub const SETTINGS: &[Settings] = &[
    Settings { title: "[watch]", keys: WATCH },
    Settings { title: "conntrack of [watch]", keys: CONNTRACK },
    Settings { title: "nflog of [watch]", keys: NFLOG },
    Settings { title: "[output]", keys: OUTPUT },
    Settings { title: "rotate of [output]", keys: ROTATE },
    Settings { title: "[history]", keys: HISTORY },
    Settings { title: "[http]", keys: HTTP },
    Settings { title: "[log]", keys: LOG },
    Settings { title: "[security]", keys: SECURITY },
    Settings { title: "[[webhook]]", keys: WEBHOOK },
    Settings { title: "batch of [[webhook]]", keys: BATCH },
    Settings { title: "retry of [[webhook]]", keys: RETRY },
    Settings { title: "spool of [[webhook]]", keys: SPOOL },
    Settings { title: "tls of [[webhook]]", keys: TLS },
    Settings { title: "[[exec]]", keys: EXEC },
];

/// The names of the tables that stand by themselves.
pub fn tables() -> Vec<&'static str> {
    let own = SETTINGS.iter().filter_map(|settings| settings.title.strip_prefix('['));
    own.map(|title| title.trim_matches(['[', ']'])).collect()
}

/// The names of some keys.
pub fn names(keys: &[Setting]) -> Vec<&'static str> {
    keys.iter().map(|setting| setting.key).collect()
}

/// Those of `[watch]`.
pub const WATCH: &[Setting] = &[
    KINDS,
    FAMILIES,
    INTERFACES,
    ACTIONS,
    SIGNALS,
    SEVERITY,
    setting(
        "netns",
        LIST,
        "[]",
        ("names in /run/netns and paths", "[\"..\"]"),
        "[\"blue\", \"/proc/1/ns/net\"]",
        "Network namespaces to watch; linkhook's own where it is empty",
    ),
    setting(
        "all_netns",
        BOOLEAN,
        "false",
        ("not with `netns`", "1"),
        "true",
        "linkhook's own and all in /run/netns, now and later",
    ),
    setting(
        "netns_dirs",
        "list of paths",
        "[]",
        ("not with `netns`", "[1]"),
        "[\"/run/docker/netns\"]",
        "The same, and all in these directories, too",
    ),
    FILTER,
    setting("initial", BOOLEAN, "false", ANY, "true", "Starts with what exists, as `present` events"),
    setting(
        "receive_buffer",
        SIZE,
        "",
        SOME_BYTES,
        "\"8MiB\"",
        "The kernel's buffer for events that are not read yet; as much as is good where it is not set",
    ),
    setting(
        "verify",
        DURATION,
        "",
        SOME_TIME,
        "\"1m\"",
        "Holds what is known against the kernel so often, and tells when it differs; never where it is not set",
    ),
    setting(
        "poll",
        DURATION,
        "",
        SOME_TIME,
        "\"10s\"",
        "Looks so often at what the kernel tells nothing of, such as `wireguard`, which needs it, and tells what differs",
    ),
    setting(
        "nflog",
        TABLE,
        "",
        ("needed with the kind `nflog`", "[5]"),
        "{ groups = [5] }",
        "Which packets that rules log are read: those of these groups (docs/families.md)",
    ),
    setting(
        "host",
        "text or `true`",
        "false",
        ("not empty", "\"\""),
        "true",
        "The host's name for every line; `true` is the machine's own",
    ),
    setting(
        "shutdown",
        DURATION,
        "\"5s\"",
        ("3650d at most", "\"3651d\""),
        "\"30s\"",
        "How long the end waits for webhooks",
    ),
    setting(
        "state_dir",
        PATH,
        "",
        ("a directory of linkhook's user", "\"\""),
        "\"/var/lib/linkhook\"",
        "Where what outlives linkhook is kept: what waits for webhooks, what was known, the last line's number",
    ),
    setting(
        "synchronous",
        TEXT,
        "\"full\"",
        ("`full`, `normal`", "\"off\""),
        "\"normal\"",
        "`full`: what is committed outlives a loss of power; `normal`: a crash of linkhook, and costs less",
    ),
    setting(
        "commit",
        DURATION,
        "\"0s\"",
        ("1s at most", "\"2s\""),
        "\"10ms\"",
        "How long it is from one commit of the state directory to the next at least: fewer commits cost and write less, and lines wait \
         for them; the first after a while is made at once",
    ),
    setting(
        "metrics",
        DURATION,
        "",
        SOME_TIME,
        "\"1m\"",
        "Tells so often what linkhook counts of itself (docs/metrics.md); never where it is not set",
    ),
    setting(
        "udev",
        BOOLEAN,
        "false",
        ANY,
        "true",
        "Where `uevent` is watched: udev's own events too, behind the kernel's, with what its rules have added (docs/families.md)",
    ),
    setting(
        "conntrack",
        TABLE,
        "",
        ("", "1"),
        "{ protocols = [\"udp\"] }",
        "Which connections the kernel is to tell of, where `conntrack` is watched: the others cost nothing (docs/families.md)",
    ),
];

/// Those of `conntrack` of `[watch]`.
pub const CONNTRACK: &[Setting] = &[
    setting(
        "mirror",
        BOOLEAN,
        "false",
        ("not with `protocols`, `marks` or `zones`", "1"),
        "true",
        "Connections are remembered: a `change` says what was before, and after a loss, a restart and with `poll` they are compared with the kernel's",
    ),
    setting(
        "entries_max",
        "number",
        "65536",
        ("1 to 16777216", "0"),
        "262144",
        "So many are remembered at most; those beyond are told without a memory",
    ),
    setting(
        "reliable",
        BOOLEAN,
        "false",
        ANY,
        "true",
        "The kernel keeps a connection that has ended until that is told; where linkhook cannot keep up, the table of connections fills",
    ),
    setting(
        "protocols",
        LIST,
        "[]",
        ("names or numbers of protocols above IP, 64 at most", "[\"tpc\"]"),
        "[\"tcp\", \"udp\"]",
        "Only connections of these protocols; all where it is empty",
    ),
    setting(
        "marks",
        LIST,
        "[]",
        ("numbers, or a number, `/` and a mask; 64 at most", "[\"one\"]"),
        "[\"0x10/0xf0\", \"7\"]",
        "Only connections with one of these marks; 0 is one without",
    ),
    setting(
        "zones",
        "list of numbers",
        "[]",
        ("0 to 65535; 64 at most", "[65536]"),
        "[5]",
        "Only connections of these zones; 0 is none",
    ),
];

/// Those of `nflog` of `[watch]`.
pub const NFLOG: &[Setting] = &[
    setting(
        "groups",
        "list of numbers",
        NEEDED,
        ("0 to 65535, one at least", "[65536]"),
        "[5, 6]",
        "The groups, which the rules name: `log group 5`. The kernel hands a group to one program alone",
    ),
    setting("bytes", "number", "128", ("0 to 2048", "2049"), "256", "So many octets of each packet; 0 for none"),
];

/// Those of `[output]`.
pub const OUTPUT: &[Setting] = &[
    setting(
        "path",
        PATH,
        "\"-\"",
        ("`-` is stdout, `journal` the journal, `syslog` a syslog server, `none` is nowhere", "\"\""),
        "\"/var/log/linkhook/events.jsonl\"",
        "Where lines go. A file that is made is for its owner and group (0640). Several outputs: `[[output]]` tables, each with \
         these keys",
    ),
    setting(
        "format",
        TEXT,
        "",
        ("`json`, `text`", "\"xml\""),
        "\"json\"",
        "`json` for programs, `text` for eyes; where it is not set, `text` in the journal and in syslog, else `json`",
    ),
    setting(
        "rotate",
        TABLE,
        "",
        ("only for a file", "1"),
        "{ size = \"100MiB\" }",
        "Puts a file aside that has grown too large",
    ),
    setting(
        "address",
        TEXT,
        "",
        ("`unix:PATH`; of syslog `tcp:HOST:PORT`, too", "\"loghost\""),
        "\"tcp:loghost.example:601\"",
        "Where the journal or the syslog server listens: `unix:/run/systemd/journal/socket`, `unix:/dev/log` where it is not set",
    ),
    setting(
        "facility",
        TEXT,
        "\"daemon\"",
        ("`daemon`, `user`, `local0` to `local7`", "\"mail\""),
        "\"local3\"",
        "The facility of syslog's messages",
    ),
    KINDS,
    FAMILIES,
    INTERFACES,
    ACTIONS,
    SIGNALS,
    SEVERITY,
    NETNS_PATTERNS,
    FILTER,
];

/// Those of `rotate` of `[output]`.
pub const ROTATE: &[Setting] = &[
    setting(
        "size",
        SIZE,
        NEEDED,
        SOME_BYTES,
        "\"100MiB\"",
        "A file that has grown to it becomes FILE.1, and FILE.1 becomes FILE.2",
    ),
    setting("keep", "number", "5", ("1 to 1000", "1001"), "10", "How many old files are kept"),
    setting("compress", TEXT, "\"none\"", ("`gzip`, `none`", "\"zip\""), "\"gzip\"", "`gzip` for FILE.1.gz"),
];

/// Those of `[history]`.
pub const HISTORY: &[Setting] = &[
    setting(
        "keep",
        DURATION,
        "\"7d\"",
        SOME_TIME,
        "\"30d\"",
        "How long lines are kept for `linkhook history` (docs/history.md)",
    ),
    setting(
        "size",
        SIZE,
        "\"1GiB\"",
        ("1MiB at least", "\"1KiB\""),
        "\"4GiB\"",
        "How much of them at most, as they are kept; the oldest go first, and it is said that they do",
    ),
];

/// Those of `[http]`.
pub const HTTP: &[Setting] = &[
    setting(
        "listen",
        TEXT,
        NEEDED,
        ("an address and a port, or `unix:` and a path", "\"localhost\""),
        "\"127.0.0.1:9473\"",
        "Where the page, `/events`, `/state`, `/metrics` and the like are served (docs/http.md)",
    ),
    setting(
        "token",
        SECRET,
        "",
        ("visible ASCII characters; needed where others than this machine can reach the address", "\"\""),
        "{ file = \"/etc/linkhook/token\" }",
        "What a client must say: `Authorization: Bearer TOKEN`",
    ),
];

/// Those of `[log]`.
pub const LOG: &[Setting] = &[setting(
    "level",
    TEXT,
    "",
    ("`error`, `warning`, `info`, `debug`, `trace`", "\"loud\""),
    "\"info\"",
    "What is said on stderr; `warning` where it is not set. `-v` and `-q` on the command line win",
)];

/// Those of `[security]`.
pub const SECURITY: &[Setting] = &[setting(
    "sandbox",
    "`\"auto\"`, `true` or `false`",
    "\"auto\"",
    ANY,
    "true",
    "Gives up what the configuration does not need, as far as the kernel can; `true`: all of it, or linkhook does not start. \
     docs/security.md",
)];

const SETTLE: Setting = setting(
    "settle",
    DURATION,
    "",
    SOME_TIME,
    "\"3s\"",
    "Events gather until none has come for so long, five times as long at most; those of one object are one then: docs/webhooks.md",
);
const SETTLE_SAME: Setting = setting(
    "settle_same",
    TEXT,
    "\"tell\"",
    ("`tell`, `skip`; with `settle`", "\"drop\""),
    "\"skip\"",
    "Whether an object that has settled to what it was is told",
);
const RATE: Setting = setting(
    "rate",
    TEXT,
    "",
    ("2 to 1000 times, in a duration", "\"1/5m\""),
    "\"3/5m\"",
    "Only what comes so often of one object in that time, as one event",
);
const NETNS_PATTERNS: Setting = setting(
    "netns",
    LIST,
    "[]",
    ("names and patterns; `.` is linkhook's own", "[\"blue[\"]"),
    "[\".\", \"blue*\"]",
    "Only what is of such network namespaces, among those that `[watch]` watches",
);
const FIELDS: Setting = setting(
    "fields",
    "table of text",
    "",
    ("names as the format has them", "{ host = \"a\" }"),
    "{ site = \"lab\" }",
    "Text that goes with each event",
);
const BATCH_TABLE: Setting = setting("batch", TABLE, "", ANY, "{ events = 100 }", "How much is sent at once");
const RETRY_TABLE: Setting = setting("retry", TABLE, "", ANY, "{ most = \"10m\" }", "When a batch is sent again");
const SPOOL_TABLE: Setting = setting("spool", TABLE, "", ANY, "{ size = \"64MiB\" }", "How much may wait");
const TIMEOUT: Setting = setting(
    "timeout",
    DURATION,
    "\"30s\"",
    SOME_TIME,
    "\"10s\"",
    "The longest attempt, from connecting to the end of the answer",
);

/// Those of `[[webhook]]`.
pub const WEBHOOK: &[Setting] = &[
    setting(
        "name",
        TEXT,
        NEEDED,
        ("1 to 64 letters, digits, `.`, `_` and `-`, `.` not first; each webhook's own", "\"a/b\""),
        "\"noc\"",
        "What it is called in logs, events and the state directory",
    ),
    setting(
        "url",
        SECRET,
        NEEDED,
        ("`http://` or `https://`, without a user's name", "\"ftp://noc.example/\""),
        "\"https://noc.example/hooks/net\"",
        "Where events go",
    ),
    KINDS,
    FAMILIES,
    INTERFACES,
    ACTIONS,
    SIGNALS,
    SEVERITY,
    NETNS_PATTERNS,
    FILTER,
    SETTLE,
    SETTLE_SAME,
    RATE,
    setting(
        "format",
        TEXT,
        "\"json\"",
        (
            "`json`, `ndjson`, `json-array`, `cloudevents`, `cloudevents-batch`, `loki`, `otlp`, `splunk`, `elasticsearch`",
            "\"xml\"",
        ),
        "\"ndjson\"",
        "What a body looks like: docs/webhooks.md",
    ),
    setting(
        "body",
        "jq expression",
        "",
        ("one that compiles, 16 KiB at most, without `format`", "'.events |'"),
        "'{text: .events[0].event}'",
        "Makes a body of what `json` makes: one value, or none where nothing is to be sent: docs/webhooks.md",
    ),
    setting(
        "taken",
        "jq expression",
        "",
        ("one that compiles, 16 KiB at most", "'.body |'"),
        "'if .status == 200 then .body.errors == 0 else null end'",
        "Says what an answer means: true, false, or why it is refused; null is what its status says: docs/webhooks.md",
    ),
    setting(
        "headers",
        "table of secrets",
        "",
        ("none that linkhook writes itself", "{ Host = \"a\" }"),
        "{ Authorization = { file = \"/etc/linkhook/noc.secret\" } }",
        "Headers of each request",
    ),
    FIELDS,
    setting(
        "metadata",
        BOOLEAN,
        "true",
        ("with `format = \"loki\"` only", "0"),
        "false",
        "Whether Loki gets values beside the labels (structured metadata), which it takes from schema v13 on",
    ),
    setting(
        "secret",
        "secret, or a list while one is being replaced",
        "",
        ("not empty", "\"\""),
        "{ file = \"/etc/linkhook/noc.secret\" }",
        "Signs each request",
    ),
    setting(
        "signature",
        TEXT,
        "\"standard\"",
        ("`standard` (Standard Webhooks), `github` (`X-Hub-Signature-256`)", "\"gitlab\""),
        "\"github\"",
        "How it is signed",
    ),
    setting("compress", TEXT, "\"none\"", ("`gzip`, `none`", "\"zip\""), "\"gzip\"", "Whether bodies are compressed"),
    BATCH_TABLE,
    RETRY_TABLE,
    SPOOL_TABLE,
    TIMEOUT,
    setting("tls", TABLE, "", ANY, "{ ca = \"/etc/linkhook/ca.pem\" }", "Whom it believes, and how it proves itself"),
    setting(
        "proxy",
        SECRET,
        "",
        ("`none`, or an address with http or https", "\"socks5://proxy.example\""),
        "\"http://proxy.example:3128\"",
        "The proxy; that of the environment (`HTTPS_PROXY` or `HTTP_PROXY`, `ALL_PROXY`, `NO_PROXY`) where it is not set",
    ),
];

/// Those of `[[exec]]`.
pub const EXEC: &[Setting] = &[
    setting(
        "name",
        TEXT,
        NEEDED,
        ("1 to 64 letters, digits, `.`, `_` and `-`, `.` not first; no webhook's either", "\"a/b\""),
        "\"failover\"",
        "What it is called in logs, events and the state directory",
    ),
    setting(
        "command",
        LIST,
        NEEDED,
        ("a program, by its path or in PATH, and its arguments; there is no shell", "\"true --now\""),
        "[\"/bin/echo\", \"--now\"]",
        "What is run: docs/exec.md",
    ),
    KINDS,
    FAMILIES,
    INTERFACES,
    ACTIONS,
    SIGNALS,
    SEVERITY,
    NETNS_PATTERNS,
    FILTER,
    SETTLE,
    SETTLE_SAME,
    RATE,
    FIELDS,
    BATCH_TABLE,
    RETRY_TABLE,
    SPOOL_TABLE,
    TIMEOUT,
];

/// Those of `batch` of `[[webhook]]`.
pub const BATCH: &[Setting] = &[
    setting("events", "number", "500", ("1 to 100000", "0"), "100", "Events in a batch at most"),
    setting("bytes", SIZE, "\"1MiB\"", SOME_BYTES, "\"256KiB\"", "Bytes of events in a batch at most"),
    setting(
        "wait",
        DURATION,
        "\"1s\"",
        ("3650d at most", "\"3651d\""),
        "\"0s\"",
        "After a batch the next one gathers for so long at most",
    ),
];

/// Those of `retry` of `[[webhook]]`.
pub const RETRY: &[Setting] = &[
    setting(
        "first",
        DURATION,
        "\"1s\"",
        SOME_TIME,
        "\"2s\"",
        "The pause after the first failure, half of it at least; it doubles with each",
    ),
    setting("most", DURATION, "\"5m\"", ("`first` at least, 3650d at most", "\"0s\""), "\"10m\"", "The longest pause"),
    setting(
        "give_up_after",
        DURATION,
        "\"3d\"",
        SOME_TIME,
        "\"1d\"",
        "A batch that was tried for so long is not sent any more",
    ),
    setting(
        "statuses",
        "list of numbers and classes",
        "[408, 425, 429, \"5xx\"]",
        ("300 to 599, `\"3xx\"`, `\"4xx\"`, `\"5xx\"`", "[200]"),
        "[429, \"5xx\"]",
        "The answers after which a batch is sent again; without an answer it always is",
    ),
];

/// Those of `spool` of `[[webhook]]`.
pub const SPOOL: &[Setting] = &[
    setting("size", SIZE, "\"256MiB\"", SOME_BYTES, "\"64MiB\"", "Bytes of events that wait at most"),
    setting(
        "when_full",
        TEXT,
        "\"drop-oldest\"",
        ("`drop-oldest`, `drop-newest`, `block`", "\"drop\""),
        "\"drop-newest\"",
        "What is dropped then; with `block` linkhook stops reading until there is room, which holds up everybody",
    ),
];

/// Those of `tls` of `[[webhook]]`.
pub const TLS: &[Setting] = &[
    setting(
        "ca",
        PATH,
        "",
        ("a file with certificates, PEM", "\"/nowhere/ca.pem\""),
        "\"/etc/linkhook/ca.pem\"",
        "Authorities to believe, instead of the platform's",
    ),
    setting(
        "cert",
        PATH,
        "",
        ("PEM, with `key`", "\"/nowhere/client.pem\""),
        "\"/etc/linkhook/client.pem\"",
        "The certificate to show, with its chain",
    ),
    setting(
        "key",
        PATH,
        "",
        ("PEM, with `cert`", "\"/nowhere/client.key\""),
        "\"/etc/linkhook/client.key\"",
        "Its key",
    ),
];

#[cfg(test)]
mod tests;
