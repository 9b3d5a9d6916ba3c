use std::fs;

use toml::de::DeTable;

use super::*;
use crate::filter::jq::Jq;

const SAMPLE: &str = include_str!("../../config/linkhook.toml");

/// A directory that goes with its test.
struct Directory(PathBuf);

impl Directory {
    fn new(name: &str) -> Directory {
        let path = std::env::temp_dir().join(format!("linkhook-config-{name}-{}", std::process::id()));
        fs::create_dir_all(&path).unwrap();
        Directory(path)
    }

    fn write(&self, name: &str, contents: &str) {
        fs::write(self.0.join(name), contents).unwrap();
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn parse(path: &Path, text: &str, environment: &Environment<'_>) -> Result<Configuration> {
    let file = SettingsFile { path: path.into(), text: text.into() };
    super::parse(&[file], environment, &|_, code| Jq::new(code).map(drop))
}

fn read(text: &str) -> Result<Configuration> {
    parse(Path::new("/nowhere/l.toml"), text, &|name| match name {
        "TOKEN" => Some("hush hush".into()),
        "EMPTY" => Some(String::new()),
        _ => None,
    })
}

/// A webhook with those lines.
fn hook(lines: &str) -> String {
    format!("[[webhook]]\nname = \"noc\"\nurl = \"http://h/\"\n{lines}")
}

/// Each text is refused with status 2, and one line that says all of this.
fn refuses(cases: &[(&str, &[&str])]) {
    for (text, told) in cases {
        let error = read(text).expect_err(text);
        assert_eq!(error.status(), 2);
        let message = error.to_string();
        assert_eq!(message.lines().filter(|line| line.starts_with("/nowhere/l.toml:")).count(), 1, "{text}\n{message}");
        for told in *told {
            assert!(message.contains(told), "{text}\nexpected {told}\nfound {message}");
        }
    }
}

#[test]
fn wrong_settings_of_the_watch_say_where_and_what() {
    refuses(&[
        ("[watch]\nkinds = [\"link\"", &["l.toml:2: "]),
        ("[wotch]\n", &["l.toml:1: wotch: ", "did you mean 'watch'?"]),
        ("[watch]\n\nkind = [\"link\"]", &["l.toml:3: watch.kind: ", "did you mean 'kinds'?"]),
        ("[watch]\nkinds = \"link\"", &["l.toml:2: watch.kinds: found \"link\"; a list in brackets is needed"]),
        ("[watch]\nkinds = [\n\"link\",\n\"rote\"]", &["l.toml:4: watch.kinds[1]: ", "did you mean 'route'?"]),
        ("[watch]\nkinds = [7]", &["l.toml:2: watch.kinds[0]: found 7; text in quotes is needed"]),
        ("[watch]\nkinds = [\"audit\"]", &["watch.kinds[0]: ", "'audit' is not followed"]),
        ("[watch]\nfamilies = [\"ipv4\"]", &["watch.families[0]: found \"ipv4\"; one of inet, inet6, mpls, bridge"]),
        ("[watch]\ninterfaces = [\"eth[\"]", &["watch.interfaces[0]: ", "'eth['"]),
        ("[watch]\nactions = [\"added\"]", &["watch.actions[0]: ", "there are add, change, remove, present"]),
        ("[watch]\nnetns = \"blue\"", &["l.toml:2: watch.netns: found \"blue\"; a list in brackets is needed"]),
        ("[watch]\nnetns = [\"blue\", \"..\"]", &["watch.netns[1]: '..' is no name of a network namespace"]),
        ("[watch]\nkinds = [\"link,addr\"]", &["watch.kinds[0]: 'link,addr' is no kind", "\"link\", \"addr\""]),
        ("[watch]\nkinds = [\"\"]", &["watch.kinds[0]: a kind's name is empty"]),
        ("[watch]\nkinds = [\"link\"]\nkinds = [\"addr\"]", &["l.toml:3: duplicate key: kinds stands here once more"]),
        ("[watch]\nhost = 3", &["watch.host: found 3; a name in quotes is needed, or true"]),
        ("[watch]\nhost = \"\"", &["watch.host: found \"\"; a name in quotes is needed, or true"]),
        ("[watch]\nstate_dir = \"\"", &["watch.state_dir: found \"\"; a path is needed"]),
        ("[output]\npath = \"\"", &["output.path: found \"\"; a path is needed"]),
        ("[watch]\nactions = [\"present\"]", &["watch.actions: nothing would ever come", "initial = true"]),
        ("[webhook]\nname = \"noc\"", &["webhook: there may be several: write [[webhook]]"]),
        ("[security]\nsandbox = \"yes\"", &["security.sandbox: found \"yes\"", "\"auto\"", "true", "false"]),
        ("[security]\nsandbox = 1", &["security.sandbox: found 1"]),
        ("[security]\nsandbx = true", &["did you mean 'sandbox'?"]),
        (
            "[security]\nsandbox = true\n[[exec]]\nname = \"a\"\ncommand = [\"/bin/true\"]",
            &["l.toml:2: security.sandbox: true does not go together with [[exec]]"],
        ),
        ("[watch]\nkinds = [\"addr\"]\nseverity = \"err\"", &["l.toml:3: watch.severity: nothing would ever come"]),
        ("[history]\nkeep = \"7d\"", &["l.toml:1: history: it is kept in the state directory: write state_dir"]),
        ("[watch]\nstate_dir = \"/s\"\n[history]\nkeep = \"0s\"", &["l.toml:4: history.keep: "]),
        ("[watch]\nstate_dir = \"/s\"\n[history]\nsize = \"1KiB\"", &["history.size: ", "at least \"1MiB\" is needed"]),
        ("[watch]\nstate_dir = \"/s\"\n[history]\nkep = 1", &["history.kep: there is no such key"]),
        ("[watch]\nnetns_dirs = 1", &["watch.netns_dirs: found 1; a list in brackets"]),
        ("[watch]\nnetns_dirs = [2]", &["watch.netns_dirs[0]: found 2"]),
        (
            "[watch]\nnetns = [\"blue\"]\nnetns_dirs = [\"/run/docker/netns\"]",
            &["l.toml:3: watch.netns_dirs: netns names those that are watched; remove one of both"],
        ),
        (
            "[watch]\nkinds = [\"addr\"]\nsignals = [\"carrier_lost\"]",
            &["l.toml:3: watch.signals: nothing would ever come", "carrier_lost is a signal of link"],
        ),
        ("[watch]\nkinds = [\"fdb\"]\nfamilies = [\"inet\"]", &["l.toml:3: watch.families: nothing would ever come"]),
        (
            &hook("kinds = [\"route\"]\nsignals = [\"up\"]"),
            &["l.toml:5: webhook[noc].signals: nothing would ever come", "up is a signal of link"],
        ),
        ("[watch]\nall_netns = 1", &["watch.all_netns: found 1; true or false is needed"]),
        (
            "[watch]\nnetns = [\"blue\"]\nall_netns = true",
            &["l.toml:3: watch.all_netns: netns names those that are watched; remove one of both"],
        ),
        ("[watch]\nsignals = [\"carrier_lots\"]", &["watch.signals[0]: ", "did you mean 'carrier_lost'?"]),
        ("[watch]\nfilter = \".a ==\"", &["l.toml:2: watch.filter: "]),
        ("[watch]\nverify = \"5 parsecs\"", &["watch.verify: found \"5 parsecs\"; a duration such as"]),
        ("[watch]\nverify = \"3651d\"", &["watch.verify: found \"3651d\"; at most \"3650d\" is allowed"]),
        ("[watch]\nverify = 5", &["watch.verify: found 5; a duration such as"]),
        (
            "[watch]\nkinds = [\"link\", \"wireguard\"]",
            &["l.toml:2: watch.kinds: the kernel tells nothing of wireguard: write poll ="],
        ),
        (
            "[watch]\nkinds = [\"nflog\"]",
            &["l.toml:2: watch.kinds: nflog needs the groups", "write nflog = { groups = [5] }"],
        ),
        ("[watch]\nnflog = { groups = [] }", &["watch.nflog.groups: there is no group in it"]),
        ("[watch]\nnflog = { bytes = 1 }", &["watch.nflog.groups: it is missing; write a list of numbers"]),
        ("[watch]\nnflog = { groups = [-1] }", &["watch.nflog.groups[0]: found -1; a whole number from 0 to 65535"]),
        ("[watch]\nnflog = { groups = [\"5\"] }", &["watch.nflog.groups[0]: found \"5\"; a whole number"]),
        ("[watch]\nnflog = { groups = [5], range = 1 }", &["watch.nflog.range"]),
        ("[watch]\nreceive_buffer = \"big\"", &["watch.receive_buffer: found \"big\"; a size such as"]),
        ("[watch]\ninitial = \"yes\"", &["watch.initial: found \"yes\"; true or false is needed"]),
        ("[watch]\nstate_dir = 5", &["watch.state_dir: "]),
        ("[watch]\nsynchronous = \"of\"", &["watch.synchronous: ", "full", "normal"]),
    ]);
}

#[test]
fn wrong_settings_of_the_output_and_the_rest_say_where_and_what() {
    refuses(&[
        ("[output]\nformat = \"jsn\"", &["output.format: found \"jsn\"; one of json, text", "did you mean \"json\"?"]),
        (
            "[output]\npath = \"a\"\nrotate = { keep = 5 }",
            &["l.toml:3: output.rotate.size: it is missing; write the bytes"],
        ),
        (
            "[output]\npath = \"a\"\nrotate = { size = \"1MiB\", keep = 0 }",
            &["output.rotate.keep: found 0; a whole number"],
        ),
        (
            "[output]\npath = \"a\"\nrotate = { size = \"1MiB\", compress = \"zip\" }",
            &["output.rotate.compress: found \"zip\"; one of gzip, none"],
        ),
        ("[output]\nrotate = { size = \"1MiB\" }", &["l.toml:2: output.rotate: there is no file to rotate"]),
        (
            "[output]\npath = \"journal\"\nrotate = { size = \"1MiB\" }",
            &["l.toml:3: output.rotate: there is no file to rotate"],
        ),
        (
            "[output]\npath = \"a\"\naddress = \"unix:/dev/log\"",
            &["output.address: only the journal and syslog have one"],
        ),
        ("[output]\npath = \"journal\"\nfacility = \"user\"", &["output.facility: only syslog has one"]),
        ("[output]\npath = \"journal\"\naddress = \"tcp:h:1\"", &["output.address: found \"tcp:h:1\"; \"unix:\" and"]),
        (
            "[output]\npath = \"syslog\"\naddress = \"unix:\"",
            &["output.address: found \"unix:\"; \"unix:\" and the path"],
        ),
        (
            "[output]\npath = \"syslog\"\naddress = \"udp:h:1\"",
            &["output.address: found", "\"tcp:loghost.example:601\" is needed"],
        ),
        ("[output]\npath = \"syslog\"\naddress = \"tcp:h\"", &["output.address: found \"tcp:h\"; "]),
        ("[output]\npath = \"syslog\"\naddress = \"tcp:h:0\"", &["output.address: found \"tcp:h:0\"; "]),
        ("[output]\npath = \"syslog\"\naddress = \"tcp:::1:5\"", &["output.address: found \"tcp:::1:5\"; "]),
        ("[output]\npath = \"syslog\"\nfacility = \"mail\"", &["output.facility: found \"mail\"; one of daemon"]),
        ("[output]\nkinds = [\"rote\"]", &["l.toml:2: output.kinds[0]: ", "did you mean 'route'?"]),
        ("[output]\nkinds = [\"addr\"]\nsignals = [\"carrier_lost\"]", &["output.signals: nothing would ever come"]),
        ("output = []", &["l.toml:1: output: the list is empty"]),
        ("output = 5", &["l.toml:1: output: found 5; a table"]),
        (
            "[[output]]\npath = \"none\"\n[[output]]\npth = \"a\"",
            &["l.toml:4: output[1].pth: there is no such key; did you mean 'path'?"],
        ),
        (
            "[[output]]\npath = \"a\"\n[[output]]\npath = \"b\"\n[[output]]\npath = \"a\"",
            &["l.toml:5: output[2]: the output at /nowhere/l.toml:1 has the same path"],
        ),
        ("[log]\nlevel = \"loud\"", &["log.level: found \"loud\"; one of error, warning"]),
        ("watch = 5", &["l.toml:1: watch: found 5; a table with the keys kinds, "]),
    ]);
}

#[test]
fn wrong_settings_of_http_say_where_and_what() {
    refuses(&[
        ("[http]\n", &["l.toml:1: http.listen: it is missing; write where to listen"]),
        (
            "[http]\nlisten = \"[::1]:9473\"\nport = 80",
            &["l.toml:3: http.port: there is no such key; there are listen, token"],
        ),
        ("[http]\nlisten = 9473", &["l.toml:2: http.listen: found 9473; text in quotes is needed"]),
        ("[http]\nlisten = \"localhost\"", &["http.listen: found \"localhost\"; an address and a port are needed"]),
        ("[http]\nlisten = \"127.0.0.1\"", &["http.listen: found \"127.0.0.1\"; an address and a port are needed"]),
        ("[http]\nlisten = \"unix:\"", &["http.listen: found \"unix:\"; a path is needed"]),
        ("[http]\nlisten = \"0.0.0.0:9473\"", &["l.toml:2: http.listen: ", "a token is needed: write token = { file"]),
        ("[http]\nlisten = \"[::]:9473\"", &["http.listen: ", "a token is needed"]),
        ("[http]\nlisten = \"192.0.2.1:9473\"", &["http.listen: ", "a token is needed"]),
        ("[http]\nlisten = \"[::1]:9473\"\ntoken = \"\"", &["l.toml:3: http.token: the token cannot be used"]),
        ("[http]\nlisten = \"[::1]:9473\"\ntoken = \"hush hush\"", &["http.token: the token cannot be used"]),
        ("[http]\nlisten = \"[::1]:9473\"\ntoken = { env = \"NONE\" }", &["http.token.env: there is no variable"]),
        ("[watch]\nmetrics = \"0s\"", &["l.toml:2: watch.metrics: found \"0s\"; more than nothing is needed"]),
        ("[watch]\nmetrics = 60", &["watch.metrics: found 60; a duration such as"]),
    ]);
}

#[test]
fn whoever_can_be_reached_by_others_has_a_token() {
    let http = |text: &str| read(&format!("[http]\n{text}")).unwrap();
    for (listen, shown) in [
        ("127.0.0.1:9473", "127.0.0.1:9473"),
        ("127.9.9.9:1", "127.9.9.9:1"),
        ("[::1]:9473", "[::1]:9473"),
        ("[::ffff:127.0.0.1]:1", "[::ffff:127.0.0.1]:1"),
        ("unix:/run/http", "unix:/run/http"),
        ("unix:http", "unix:/nowhere/http"),
    ] {
        let settings = http(&format!("listen = \"{listen}\"")).http.unwrap();
        assert_eq!((settings.listen.to_string(), settings.token), (shown.to_owned(), None));
    }
    let configuration = http("listen = \"0.0.0.0:9473\"\ntoken = \"hush-hush-hush-hush\"");
    assert!(configuration.http.as_ref().unwrap().token.is_some() && !format!("{configuration:?}").contains("hush"));
    let warnings = http("listen = \"0.0.0.0:9473\"\ntoken = \"hush\"").warnings;
    assert!(matches!(&warnings[..], [one] if one.contains("l.toml:3: http.token: the token is weak")), "{warnings:?}");
    assert!(read("").unwrap().http.is_none());
}

#[test]
fn wrong_addresses_and_secrets_of_webhooks_say_where_and_what() {
    refuses(&[
        (
            &hook("secret = []"),
            &["l.toml:4: webhook[noc].secret: the list is empty; write a secret, or remove the key"],
        ),
        (&hook("secret = \"\""), &["webhook[noc].secret: the secret cannot be used: it is empty"]),
        (&hook("secret = [\"whsec_\"]"), &["webhook[noc].secret[0]: the secret cannot be used: it is empty"]),
        (&hook("secret = { env = \"EMPTY\" }"), &["webhook[noc].secret.env: the variable \"EMPTY\" is empty"]),
        (&hook("secret = { file = \"/dev/null\" }"), &["webhook[noc].secret.file: /dev/null is empty"]),
        (
            &hook("secret = { file = \"/dev/zero\" }"),
            &["webhook[noc].secret.file: cannot read /dev/zero: it is longer"],
        ),
        (
            &hook("tls = { ca = \"/dev/zero\" }"),
            &["webhook[noc].tls.ca: cannot read /dev/zero: it is longer than 4 MiB"],
        ),
        (
            "[[webhook]]\nname = \"noc\"\nurl = \"https://h:65536/\"",
            &["l.toml:3: webhook[noc].url: ", "a port from 1 to 65535 is needed"],
        ),
        ("[[webhook]]\nname = \"noc\"\nurl = \"http://[::1]:0/\"", &["webhook[noc].url: ", "a port from 1 to 65535"]),
        (&hook("proxy = \"http://p:70000\""), &["webhook[noc].proxy: ", "or an address such as"]),
        ("[[webhook]]\nurl = \"http://h/\"", &["l.toml:1: webhook[0].name: it is missing"]),
        (
            &hook("[[webhook]]\nname = \"noc\"\nurl = \"http://i/\""),
            &["l.toml:4: ", "a second webhook has the name \"noc\""],
        ),
        ("[[webhook]]\nname = \"a/b\"\nurl = \"http://h/\"", &["webhook[a/b].name: found \"a/b\"; 1 to 64 letters"]),
        (
            "[[webhook]]\nname = \"a\"\nurl = \"ftp://h/\"",
            &["l.toml:3: webhook[a].url: ", "http:// or https:// is needed"],
        ),
        ("[[webhook]]\nname = \"a\"\nurl = \"http://me:pw@h/\"", &["webhook[a].url: ", "do not belong here"]),
        ("[[webhook]]\nname = \"a\"\nurl = \"/hooks\"", &["webhook[a].url: ", "an address such as"]),
        (
            &hook("headers = { Webhook-Id = \"1\" }"),
            &["webhook[noc].headers.Webhook-Id: linkhook writes this header itself"],
        ),
        (&hook("headers = { A = { env = \"NONE\" } }"), &["headers.A.env: there is no variable \"NONE\""]),
        (
            &hook("secret = { file = \"/nowhere/secret\" }"),
            &["webhook[noc].secret.file: cannot read /nowhere/secret: "],
        ),
        (&hook("secret = { file = \"a\", env = \"B\" }"), &["webhook[noc].secret: ", "or one of { file"]),
        (&hook("secret = { fil = \"a\" }"), &["webhook[noc].secret.fil: ", "did you mean 'file'?"]),
        (&hook("secret = { credential = \"noc\" }"), &["CREDENTIALS_DIRECTORY is not set"]),
        (&hook("tls = { cert = \"/nowhere/a.pem\" }"), &["webhook[noc].tls.cert: cert and key go together"]),
    ]);
}

#[test]
fn wrong_settings_of_webhooks_say_where_and_what() {
    let twelve = (0..12).map(|number| format!("a{number} = \"x\"")).collect::<Vec<_>>().join(", ");
    refuses(&[
        (&hook("netns = [\"blue[\"]"), &["l.toml:4: webhook[noc].netns[0]: the pattern 'blue[' is wrong"]),
        ("[[webhook]]\nname = \"noc\"", &["l.toml:1: webhook[noc].url: it is missing"]),
        (&hook("batch = { events = 0 }"), &["l.toml:4: webhook[noc].batch.events: found 0; a whole number from 1 to "]),
        (
            &hook("batch = { size = 5 }"),
            &["webhook[noc].batch.size: there is no such key; there are events, bytes, wait"],
        ),
        (&hook("retry = { first = \"0s\" }"), &["webhook[noc].retry.first: found \"0s\"; more than nothing"]),
        (&hook("retry = { first = \"9m\" }"), &["webhook[noc].retry: first is longer than most"]),
        (
            &hook("retry.statuses = [200]"),
            &["webhook[noc].retry.statuses[0]: found 200; a whole number from 300 to 599"],
        ),
        (&hook("retry.statuses = [\"all\"]"), &["statuses[0]: found \"all\"; a status such as 503"]),
        (&hook("spool.when_full = \"blok\""), &["webhook[noc].spool.when_full: ", "block"]),
        ("[[exec]]\nname = \"a\"", &["l.toml:1: exec[a].command: it is missing"]),
        ("[exec]\nname = \"a\"", &["exec: there may be several: write [[exec]] in double brackets"]),
        ("[[exec]]\nname = \"a\"\ncommand = \"sh -c true\"", &["exec[a].command: ", "there is no shell"]),
        (
            "[[exec]]\nname = \"a\"\ncommand = []",
            &["exec[a].command: the list is empty; its first word is the program"],
        ),
        (
            "[[exec]]\nname = \"a\"\ncommand = [\"/bin/true\", \"a\\u0000\"]",
            &["exec[a].command: a word has a NUL in it"],
        ),
        (
            "[[exec]]\nname = \"a\"\ncommand = [\"/nowhere/a\"]",
            &["exec[a].command: there is no program \"/nowhere/a\""],
        ),
        (
            &format!("{}\n[[exec]]\nname = \"noc\"\ncommand = [\"/bin/true\"]", hook("")),
            &["a second exec has the name \"noc\", the first stands at", "l.toml:1"],
        ),
        (&hook("body = '.events['"), &["webhook[noc].body: in the jq filter", "column"]),
        (&hook("body = '.'\nformat = \"loki\""), &["webhook[noc].body: it is made of what json makes"]),
        (&hook("headers = { Content-Type = \"text/plain\" }"), &["Content-Type: the format says what type a body has"]),
        (&hook("body = '.'\nheaders = { Host = \"h\" }"), &["headers.Host: linkhook writes this header itself"]),
        (&hook("format = \"lokki\""), &["webhook[noc].format: found \"lokki\"", "did you mean \"loki\"?"]),
        (&hook("signature = \"gitlab\""), &["webhook[noc].signature: found \"gitlab\"; one of standard, github"]),
        (&hook("signature = \"github\""), &["webhook[noc].signature: there is nothing to sign with"]),
        (&hook("compress = \"zip\""), &["webhook[noc].compress: found \"zip\"; one of gzip, none"]),
        (
            "[[webhook]]\nname = \"noc\"\nurl = { file = \"/nonexistent\" }",
            &["webhook[noc].url.file: cannot read /nonexistent"],
        ),
        (&hook("fields = \"lab\""), &["webhook[noc].fields: found \"lab\"; a table of text is needed"]),
        (&hook("fields = { site = 3 }"), &["webhook[noc].fields.site: found 3; text in quotes is needed"]),
        (&hook("format = \"loki\"\nfields = { \"a-b\" = \"x\" }"), &["fields.a-b: letters, digits and '_'"]),
        (
            &hook("format = \"cloudevents\"\nfields = { A = \"x\" }"),
            &["fields.A: lower-case letters and digits are needed"],
        ),
        (
            &hook(&format!("format = \"loki\"\nfields = {{ {twelve} }}")),
            &["webhook[noc].fields: 12 fields; loki has room for 11"],
        ),
        (
            &hook("format = \"otlp\"\nmetadata = false"),
            &["webhook[noc].metadata: otlp has none; it is a key for format = \"loki\""],
        ),
        (&hook("format = \"loki\"\nmetadata = 0"), &["webhook[noc].metadata: found 0"]),
        (&hook("fields = { host = \"x\" }"), &["fields.host: linkhook has something of that name itself"]),
        (&hook("filter = 5"), &["webhook[noc].filter: found 5; text in quotes is needed"]),
        (
            &hook("filter = \".a == \""),
            &["l.toml:4: webhook[noc].filter: in the jq filter, line 1, column 7: expected ", "\n  .a == \n        ^"],
        ),
        (&hook("filter = \"selekt(.a)\""), &["webhook[noc].filter: ", "there is no filter named selekt"]),
        (&hook("rate = \"5m\""), &["webhook[noc].rate: ", "how often in what time is needed"]),
        (&hook("rate = \"1/5m\""), &["webhook[noc].rate: "]),
        (&hook("settle = \"0s\""), &["webhook[noc].settle: "]),
        (&hook("settle_same = \"skip\""), &["webhook[noc].settle_same: there is no settle"]),
    ]);
}

#[test]
fn every_mistake_is_told_at_once_in_order() {
    let error =
        read(&hook("timeout = 5\nspol = 1\n[watch]\nkinds = [\"rote\"]\n[log]\nlevel = 1")).unwrap_err().to_string();
    let lines: Vec<&str> = error.lines().map(|line| line.split(": ").nth(1).unwrap()).collect();
    assert_eq!(lines, ["webhook[noc].timeout", "webhook[noc].spol", "watch.kinds[0]", "log.level"], "{error}");
    let error = read("[watch]\nkinds = \ninitial = maybe\n").unwrap_err().to_string();
    assert_eq!(error.lines().count(), 2, "{error}");
}

#[test]
fn secrets_are_shown_nowhere() {
    let text = hook(
        "secret = [\"hush hush one\", { env = \"TOKEN\" }]\nheaders = { A = { env = \"TOKEN\" } }\nproxy = \"http://hush:hush@p/\"",
    );
    let configuration = read(&text.replace("http://h/", "http://h/?token=hush")).unwrap();
    assert_eq!(configuration.webhooks[0].address().unwrap().secrets.len(), 2);
    assert_eq!(configuration.webhooks[0].address().unwrap().headers[0].1.0, "hush hush");
    assert_eq!(configuration.webhooks[0].address().unwrap().place, "http://h");
    let shown = format!("{configuration:?}");
    assert!(!shown.contains("hush"), "{shown}");
    for wrong in [
        "secret = [[\"hush\"]]",
        "headers = \"hush\"",
        "headers = { A = [\"hush\"] }",
        "headers = { A = \"hush\\n\" }",
        "proxy = \"hush://hush\"",
        "proxy = \"socks5://hush\"",
        "secret = \"hush",
    ] {
        let told = read(&hook(wrong)).unwrap_err().to_string();
        assert!(!told.contains("hush"), "{wrong}: {told}");
    }
}

#[test]
fn secrets_come_from_files_and_credentials() {
    let directory = Directory::new("secrets");
    directory.write("noc", "hush hush\n");
    let credentials = directory.0.display().to_string();
    let environment = |name: &str| (name == "CREDENTIALS_DIRECTORY").then(|| credentials.clone());
    let read = |text: &str| parse(&directory.0.join("l.toml"), text, &environment);
    let mode = |mode| fs::set_permissions(directory.0.join("noc"), std::os::unix::fs::PermissionsExt::from_mode(mode));
    mode(0o640).unwrap();
    // A path begins at the configuration's directory.
    for from in ["file", "credential"] {
        let text = hook(&format!("headers = {{ A = {{ {from} = \"noc\" }} }}")).replace("http:", "https:");
        let configuration = read(&text).unwrap();
        assert_eq!(configuration.webhooks[0].address().unwrap().headers[0].1.0, "hush hush", "{from}");
        assert!(configuration.warnings.is_empty(), "{from}");
    }
    mode(0o644).unwrap();
    let warnings = read(&hook("headers = { A = { file = \"noc\" } }").replace("http:", "https:")).unwrap().warnings;
    assert!(matches!(&warnings[..], [one] if one.contains("l.toml:4: ") && one.contains("chmod o=")), "{warnings:?}");
    assert!(read(&hook("secret = { credential = \"../noc\" }")).unwrap_err().to_string().contains("without '/'"));
}

#[test]
fn weak_and_open_secrets_are_warned_of_and_not_shown() {
    const GOOD: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    let directory = Directory::new("weak");
    let path = directory.0.join("l.toml");
    let warnings = |url: &str, lines: &str, mode: u32| {
        let text = format!("[[webhook]]\nname = \"noc\"\nurl = \"{url}\"\n{lines}");
        directory.write("l.toml", &text);
        fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(mode)).unwrap();
        let warnings =
            parse(&path, &text, &|name| (name == "TOKEN").then(|| "hush hush".into())).unwrap().warnings.join("\n");
        assert!(!warnings.contains("hush") && !warnings.contains("MfKQ"), "{warnings}");
        warnings
    };
    let https = "https://h/";
    assert_eq!(warnings(https, &format!("secret = \"{GOOD}\""), 0o640), "");
    let inline = warnings(https, &format!("secret = [\"{GOOD}\"]"), 0o644);
    assert!(inline.contains("l.toml:4: webhook[noc].secret[0]: everybody on this machine can read"), "{inline}");
    assert!(inline.contains("mend it with: chmod o= "), "{inline}");
    assert!(warnings(https, "headers = { Authorization = \"hush\" }", 0o644).contains("everybody on this machine"));
    assert_eq!(warnings(https, "headers = { X-Team = \"net\" }", 0o644), "");
    for (secret, told) in [
        ("whsec_aHVzaCBodXNo", "it is short"),
        ("hush hush", "it is short"),
        ("hush hush hush hush hush hush hush", "with a library of Standard Webhooks refuse it"),
        ("whsec_hush hush!", "with a library of Standard Webhooks refuse it"),
    ] {
        let weak = warnings(https, &format!("secret = \"{secret}\""), 0o600);
        assert!(weak.contains("webhook[noc].secret: the secret is weak: ") && weak.contains(told), "{weak}");
    }
    for (url, open) in [
        ("http://noc.example/", true),
        ("http://10.0.0.1:80/", true),
        ("https://noc.example/", false),
        ("http://localhost:8080/", false),
        ("http://127.0.0.9/", false),
        ("http://[::1]:8080/", false),
    ] {
        for lines in [&format!("secret = \"{GOOD}\""), "headers = { A = { env = \"TOKEN\" } }"] {
            let told = warnings(url, lines, 0o600);
            assert_eq!(told.contains("webhook[noc].url: over plain http everybody on the way"), open, "{url} {told}");
        }
        assert_eq!(warnings(url, "headers = { X-Team = \"net\" }", 0o600), "");
    }
}

#[test]
fn own_events_are_a_webhooks_only_where_named() {
    let wants = |kinds: &str| {
        let webhook = read(&hook(&format!("kinds = {kinds}"))).unwrap().webhooks.remove(0);
        let link = crate::kinds::KindIndex::named("link").unwrap().place();
        (webhook.filter.wants_kind(link), webhook.own)
    };
    assert_eq!(wants("[]"), (true, vec![]));
    assert_eq!(wants("[\"link\", \"output\"]"), (true, vec!["output"]));
    assert_eq!(wants("[\"output\"]"), (false, vec!["output"]));
}

#[test]
fn what_a_webhook_wants_and_nobody_watches_is_said() {
    let text =
        "[watch]\nkinds = [\"link\"]\n".to_owned() + &hook("kinds = [\"link\", \"neigh\", \"hello\", \"output\"]");
    let warnings = read(&text).unwrap().warnings;
    let expected =
        "/nowhere/l.toml:3: webhook[noc].kinds: [watch] kinds does not name neigh, hello, which therefore do not come";
    assert_eq!(warnings, [expected]);
    let metrics = "[watch]\n".to_owned() + &hook("kinds = [\"metrics\"]");
    assert_eq!(read(&metrics).unwrap().warnings.len(), 1);
    assert!(read(&metrics.replace("]\n[[", "]\nmetrics = \"1m\"\n[[")).unwrap().warnings.is_empty());
    assert!(read(&text.replace("\"link\"]\n", "]\n")).unwrap().warnings.is_empty());
}

#[test]
fn namespaces_that_nobody_watches_are_said() {
    let warnings = |watch: &str, patterns: &str| {
        read(&format!("[watch]\n{watch}\n{}", hook(&format!("netns = {patterns}")))).unwrap().warnings
    };
    let told = warnings("", "[\"blue\"]");
    assert!(matches!(&told[..], [one] if one.contains("l.toml:3: webhook[noc].netns: it fits no")), "{told:?}");
    assert_eq!(warnings("netns = [\"red\"]", "[\"blue\"]").len(), 1);
    for (watch, patterns) in [
        ("", "[\".\"]"),
        ("", "[\"!blue\"]"),
        ("netns = [\"red\", \"blue\"]", "[\"bl*\"]"),
        ("netns = [\"/run/netns/blue\"]", "[\"blue\"]"),
        ("all_netns = true", "[\"blue\"]"),
    ] {
        assert_eq!(warnings(watch, patterns), [""; 0], "{watch} {patterns}");
    }
}

#[test]
fn a_proxy_comes_from_the_environment_or_is_refused() {
    let read = |address: &str, lines: &str| {
        let environment = |name: &str| (name == "HTTP_PROXY").then(|| address.to_owned());
        parse(Path::new("/nowhere/l.toml"), &hook(lines), &environment)
    };
    let proxy = |address, lines| format!("{:?}", read(address, lines).unwrap().webhooks[0].address().unwrap().proxy);
    assert_eq!(proxy("http://hush@p:1", ""), "Environment(…)");
    assert_eq!(proxy("http://p:1", "proxy = \"http://q\""), "Address(…)");
    assert_eq!(proxy("http://p:1", "proxy = \"none\""), "None");
    assert_eq!(proxy("socks5://p:1", "proxy = \"none\""), "None");
    let told = read("socks5://hush@p:1", "").unwrap_err().to_string();
    assert!(told.contains("l.toml:1: webhook[noc].proxy: HTTP_PROXY in the environment is no address"), "{told}");
    assert!(!told.contains("hush"), "{told}");
}

/// The files of a directory, whose names and contents these are, the first one `linkhook.toml`.
fn read_files(name: &str, files: &[(&str, &str)]) -> (Directory, Result<Configuration>) {
    let directory = Directory::new(name);
    fs::create_dir_all(directory.0.join("conf.d")).unwrap();
    files.iter().for_each(|(name, contents)| directory.write(name, contents));
    let files = files::read_all(&directory.0.join(files[0].0));
    let read = files.and_then(|files| super::parse(&files, &|_| None, &|_, _| Ok(())));
    (directory, read)
}

#[test]
fn parts_add_to_the_configuration_in_the_order_of_their_names() {
    let parts = [
        ("linkhook.toml", "[watch]\nkinds = [\"link\"]\n[[webhook]]\nname = \"a\"\nurl = \"http://h/\""),
        ("conf.d/20-c.toml", "\u{feff}[[webhook]]\nname = \"c\"\nurl = \"http://h/\""),
        ("conf.d/10-b.toml", "[watch]\nstate_dir = \"state\"\n[[webhook]]\nname = \"b\"\nurl = \"http://h/\""),
        ("conf.d/30-d.toml~", "broken"),
        ("conf.d/.40.toml", "broken"),
    ];
    let (directory, read) = read_files("parts", &parts);
    let configuration = read.unwrap();
    let names: Vec<&str> = configuration.webhooks.iter().map(|webhook| webhook.name.as_str()).collect();
    assert_eq!(names, ["a", "b", "c"]);
    assert_eq!(configuration.watch.kinds, ["link"]);
    // A path begins where it stands.
    assert_eq!(configuration.watch.state_dir, Some(directory.0.join("conf.d/state")));
    // A file of another name has none.
    let (_directory, read) = read_files("no-parts", &[("l.toml", ""), ("conf.d/a.toml", "broken")]);
    assert!(read.is_ok());
}

#[test]
fn a_mistake_in_a_part_names_its_file_and_what_stands_twice_both_places() {
    let first = ("linkhook.toml", "[watch]\n\nkinds = [\"link\"]\n[[webhook]]\nname = \"noc\"\nurl = \"http://h/\"\n");
    for (number, (part, told)) in [
        ("[watch]\nkinds = [\"addr\"]", &["part.toml:2: watch.kinds: it stands at ", "linkhook.toml:3, too"][..]),
        ("\n[watch]\nkind = []", &["part.toml:3: watch.kind: ", "did you mean 'kinds'?"]),
        ("[watch]\ninterfaces = 5", &["part.toml:2: watch.interfaces: found 5; a list"]),
        ("[watch", &["part.toml:1: "]),
        ("watch = 5", &["part.toml:1: watch: it stands at ", "linkhook.toml:1, too"]),
        (
            "\n[[webhook]]\nname = \"noc\"\nurl = \"http://i/\"",
            &["part.toml:2: ", "a second webhook has the name \"noc\"", "the first stands at ", "linkhook.toml:4; "],
        ),
    ]
    .into_iter()
    .enumerate()
    {
        let (_directory, read) = read_files(&format!("twice-{number}"), &[first, ("conf.d/part.toml", part)]);
        let error = read.expect_err(part);
        assert!(error.status() == 2 && error.to_string().lines().count() == 1, "{part}\n{error}");
        told.iter().for_each(|told| assert!(error.to_string().contains(told), "{part}\n{error}\n{told}"));
    }
    // What an editor may just be writing.
    let (directory, _) = read_files("empty", &[first, ("conf.d/part.toml", " \n")]);
    let told = load_again(&directory.0.join("linkhook.toml")).unwrap_err().to_string();
    assert!(told.contains("part.toml: it is empty") && load(&directory.0.join("linkhook.toml")).is_ok(), "{told}");
    let (directory, read) = read_files("unreadable", &[first]);
    assert!(read.is_ok());
    fs::create_dir(directory.0.join("conf.d/directory.toml")).unwrap();
    let told = files::read_all(&directory.0.join("linkhook.toml")).unwrap_err().to_string();
    assert!(told.contains("conf.d/directory.toml: "), "{told}");
}

/// The sample with its settings that are off.
fn uncommented() -> String {
    let line = |line: &'static str| match line.strip_prefix('#') {
        Some(setting) if !setting.is_empty() && !setting.starts_with(' ') => setting,
        _ => line,
    };
    SAMPLE.lines().map(line).collect::<Vec<_>>().join("\n")
}

#[test]
fn outputs_have_a_place_a_format_and_events_each() {
    let text = "[[output]]\n[[output]]\npath = \"journal\"\nseverity = \"notice\"\n[[output]]\npath = \"syslog\"\n\
                address = \"tcp:[::1]:601\"\nfacility = \"local3\"\nformat = \"json\"\nkinds = [\"link\", \"hello\"]\n\
                [[output]]\npath = \"none\"\n[[output]]\npath = \"none\"";
    let configuration = read(text).unwrap();
    let told: Vec<(String, &str, bool, bool)> = configuration
        .outputs
        .iter()
        .map(|output| (output.name(), output.format(), output.events.is_narrowed(), output.is_plain()))
        .collect();
    let expected = [
        ("-", "json", false, true),
        ("journal", "text", true, false),
        ("syslog at tcp:[::1]:601", "json", true, false),
        ("none", "json", false, true),
        ("none", "json", false, true),
    ];
    assert_eq!(told, expected.map(|(name, format, narrowed, plain)| (name.to_owned(), format, narrowed, plain)));
    assert!(matches!(configuration.outputs[2].place, OutputPlace::Syslog(_, 19)));
    // What the watch does not tell does not come.
    let warned =
        read("[watch]\nkinds = [\"link\"]\n[[output]]\nkinds = [\"link\", \"addr\", \"hello\"]").unwrap().warnings;
    assert!(
        warned.len() == 1 && warned[0].contains("output[0].kinds: [watch] kinds does not name addr, hello"),
        "{warned:?}"
    );
    assert_eq!(read("").unwrap().outputs, [OutputSettings::default()]);
}

#[test]
fn the_sample_is_what_linkhook_does_without_it() {
    assert_eq!(format!("{:?}", read(SAMPLE).unwrap()), format!("{:?}", read("").unwrap()));
}

#[test]
fn the_sample_is_complete_and_true() {
    let directory = Directory::new("sample");
    directory.write("noc.secret", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
    directory.write("token", "hush-hush-hush-hush");
    for (name, label) in [("ca.pem", "CERTIFICATE"), ("client.pem", "CERTIFICATE"), ("client.key", "PRIVATE KEY")] {
        directory.write(name, &format!("-----BEGIN {label}-----\nAAAA\n-----END {label}-----\n"));
    }
    let text = uncommented()
        .replace("path = \"-\"", "path = \"out\"")
        .replace("/etc/linkhook", &directory.0.display().to_string());
    // A file has no address.
    let is_of_file = |line: &&str| !["address = ", "facility = "].iter().any(|key| line.starts_with(key));
    let usable = text.lines().filter(is_of_file).collect::<Vec<_>>().join("\n");
    let configuration = parse(Path::new("l.toml"), &usable, &|name| Some(name.into())).unwrap();
    // What it says to be a default is one.
    let (sample, bare) = (&configuration.webhooks[0], &read(&hook("")).unwrap().webhooks[0]);
    assert_eq!(format!("{:?}", (&sample.filter, &sample.own)), format!("{:?}", (&bare.filter, &bare.own)));
    assert_eq!((sample.limits, sample.format.name, sample.timeout), (bare.limits, bare.format.name, bare.timeout));
    assert_eq!((&sample.retry, sample.spool_bytes, sample.when_full), (&bare.retry, bare.spool_bytes, bare.when_full));
    let tls = &sample.address().unwrap().tls;
    assert!(tls.authorities.is_some() && tls.client.is_some());
    // Every key stands in it.
    let table = DeTable::parse(&text).unwrap();
    let root = table.get_ref();
    let hook = root.iter().find(|(key, _)| key.get_ref() == "webhook").unwrap().1.get_ref().as_array().unwrap();
    let hook = hook.iter().next().unwrap().get_ref().as_table().unwrap();
    let run = root.iter().find(|(key, _)| key.get_ref() == "exec").unwrap().1.get_ref().as_array().unwrap();
    let run = run.iter().next().unwrap().get_ref().as_table().unwrap();
    let output = root.iter().find(|(key, _)| key.get_ref() == "output").unwrap().1.get_ref().as_table().unwrap();
    let watch = root.iter().find(|(key, _)| key.get_ref() == "watch").unwrap().1.get_ref().as_table().unwrap();
    let keys_of = |table: &DeTable<'_>, key: &str| -> Vec<String> {
        let (_, value) = table.iter().find(|(name, _)| name.get_ref() == key).expect(key);
        value.get_ref().as_table().expect(key).keys().map(|key| key.get_ref().to_string()).collect()
    };
    for (found, keys) in [
        (root.keys().map(|key| key.get_ref().to_string()).collect(), settings::tables()),
        (keys_of(root, "watch"), settings::names(settings::WATCH)),
        (keys_of(watch, "conntrack"), settings::names(settings::CONNTRACK)),
        (keys_of(watch, "nflog"), settings::names(settings::NFLOG)),
        (keys_of(root, "output"), settings::names(settings::OUTPUT)),
        (keys_of(output, "rotate"), settings::names(settings::ROTATE)),
        (keys_of(root, "history"), settings::names(settings::HISTORY)),
        (keys_of(root, "http"), settings::names(settings::HTTP)),
        (keys_of(root, "log"), settings::names(settings::LOG)),
        (keys_of(root, "security"), settings::names(settings::SECURITY)),
        (hook.keys().map(|key| key.get_ref().to_string()).collect(), settings::names(settings::WEBHOOK)),
        (run.keys().map(|key| key.get_ref().to_string()).collect(), settings::names(settings::EXEC)),
        (keys_of(hook, "batch"), settings::names(settings::BATCH)),
        (keys_of(hook, "retry"), settings::names(settings::RETRY)),
        (keys_of(hook, "spool"), settings::names(settings::SPOOL)),
        (keys_of(hook, "tls"), settings::names(settings::TLS)),
    ] {
        for key in keys {
            assert!(found.iter().any(|found| found == key), "the sample lacks {key}");
        }
    }
}
