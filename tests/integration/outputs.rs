//! Several outputs at once, the journal and syslog: real sockets, a strict reader of each protocol, and rsyslog.

use std::collections::BTreeMap;
use std::io::{IoSliceMut, Read};
use std::mem::MaybeUninit;
use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use libtest_mimic::Failed;
use rustix::fs::SealFlags;
use rustix::net::{RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags};
use rustix::process::Signal;
use serde_json::Value;
use tempfile::TempDir;

use crate::deliver::Configuration;
use crate::namespace::{Linkhook, Namespace, PATIENCE, PROGRAM};
use crate::tools::ToolTest;

/// The tests of this room; all need a namespace.
pub const LIVE_TESTS: &[crate::Test] = &[
    ("the_journal_gets_a_field_for_each_key_and_large_messages_as_files", journal),
    ("a_journal_that_is_not_there_is_said_and_gets_everything_later", journal_later),
    ("syslog_over_tcp_is_as_the_rfcs_have_it", syslog_tcp),
    ("several_outputs_get_what_each_wants", several),
    ("a_slow_output_of_several_delays_nobody_and_is_told_what_it_missed", slow),
    ("what_goes_where_is_as_exact_behind_a_store_and_a_jq_filter", behind_a_store),
    ("the_command_line_names_one_output", command_line),
];

/// Those that need a program, too.
pub const TOOL_TESTS: &[ToolTest] = &[("rsyslogd", "rsyslog_reads_every_key", rsyslog)];

fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let began = Instant::now();
    while !holds() {
        assert!(began.elapsed() < PATIENCE, "{what}");
        std::thread::park_timeout(Duration::from_millis(5));
    }
}

fn mtu(namespace: &Namespace, mtu: u32) {
    namespace.run(&format!("ip link set lo mtu {mtu}"));
}

fn lines(path: &Path) -> Vec<Value> {
    let text = std::fs::read_to_string(path).unwrap_or_default();
    // The last one may be half written just now.
    let whole = text.rsplit_once('\n').map_or("", |(whole, _)| whole);
    whole.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"))).collect()
}

fn numbers(lines: &[Value]) -> Vec<u64> {
    lines.iter().map(|line| line["seq"].as_u64().unwrap()).collect()
}

/// systemd-journald, as far as its native protocol goes.
struct Journald(UnixDatagram);

/// An entry's fields, in order.
type Entry = Vec<(String, String)>;

impl Journald {
    fn bind(path: &Path) -> Journald {
        let socket = UnixDatagram::bind(path).unwrap();
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        Journald(socket)
    }

    /// The next entry, and whether it came as a file.
    fn next(&self) -> (Entry, bool) {
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
        let mut beside = RecvAncillaryBuffer::new(&mut space);
        let mut octets = vec![0; 1 << 20];
        let received =
            rustix::net::recvmsg(&self.0, &mut [IoSliceMut::new(&mut octets)], &mut beside, RecvFlags::empty());
        octets.truncate(received.expect("an entry").bytes);
        let Some(RecvAncillaryMessage::ScmRights(mut files)) = beside.drain().next() else {
            return (fields(&octets), false);
        };
        assert!(octets.is_empty(), "a file, and something beside it");
        let file = files.next().unwrap();
        let sealed = SealFlags::SHRINK | SealFlags::GROW | SealFlags::WRITE | SealFlags::SEAL;
        assert!(rustix::fs::fcntl_get_seals(&file).unwrap().contains(sealed), "it is not sealed");
        let mut octets = vec![0; rustix::fs::fstat(&file).unwrap().st_size as usize];
        assert_eq!(rustix::io::pread(&file, &mut octets, 0).unwrap(), octets.len());
        (fields(&octets), true)
    }
}

/// As systemd's `journal_file_parse` reads it: names of upper-case letters, digits and underscores, values with a length of their own.
fn fields(mut rest: &[u8]) -> Entry {
    let mut fields = Vec::new();
    while !rest.is_empty() {
        let end = rest.iter().position(|octet| *octet == b'\n').expect("a newline behind a field");
        let (field, value, behind) = match rest[..end].iter().position(|octet| *octet == b'=') {
            Some(sign) => (&rest[..sign], &rest[sign + 1..end], &rest[end + 1..]),
            None => {
                let (length, behind) = rest[end + 1..].split_at(8);
                let length = u64::from_le_bytes(length.try_into().unwrap()) as usize;
                assert_eq!(behind[length], b'\n', "a newline behind a value with its length");
                (&rest[..end], &behind[..length], &behind[length + 1..])
            }
        };
        let name = std::str::from_utf8(field).unwrap();
        let is_good = |letter: char| letter.is_ascii_uppercase() || letter.is_ascii_digit() || letter == '_';
        assert!(!name.is_empty() && name.len() <= 64 && name.chars().all(is_good) && !name.starts_with('_'), "{name}");
        fields.push((name.to_owned(), String::from_utf8(value.to_vec()).unwrap()));
        rest = behind;
    }
    fields
}

fn values<'e>(entry: &'e Entry, name: &str) -> Vec<&'e str> {
    entry.iter().filter(|(known, _)| known == name).map(|(_, value)| value.as_str()).collect()
}

/// Each scalar key of the line before its object is a field of that value.
fn holds_line(line: &Value, value_of: impl Fn(&str) -> Vec<String>) {
    for (key, value) in line.as_object().unwrap() {
        let expected = match value {
            Value::String(text) => vec![text.clone()],
            Value::Number(number) => vec![number.to_string()],
            Value::Array(list) => list.iter().map(|value| value.as_str().unwrap().to_owned()).collect(),
            _ => continue,
        };
        let found = value_of(key);
        assert_eq!(found, expected, "{key} of {line}");
    }
}

fn journal() -> Result<(), Failed> {
    let directory = tempfile::tempdir()?;
    let journald = Journald::bind(&directory.path().join("socket"));
    let namespace = Namespace::new();
    let start = |host: &str| {
        let configuration = Configuration::new(&format!(
            "[watch]\nkinds = [\"hello\", \"link\"]\nhost = \"{host}\"\n[security]\nsandbox = true\n[output]\n\
             path = \"journal\"\naddress = \"unix:{}/socket\"\n",
            directory.path().display()
        ));
        let mut command = namespace.command(PROGRAM);
        command.args(["--config", configuration.path()]).stdout(Stdio::null());
        let child = Ended(command.spawn().unwrap());
        let hello = journald.next();
        assert_eq!(values(&hello.0, "LINKHOOK_EVENT"), ["hello"]);
        (child, configuration, hello.1)
    };
    let (child, _configuration, is_file) = start("rtr1");
    assert!(!is_file);
    namespace.run("ip link set lo down");
    let (entry, is_file) = journald.next();
    let line: Value = serde_json::from_str(values(&entry, "LINKHOOK_JSON")[0])?;
    assert!(!is_file && line["ifname"] == "lo" && line["host"] == "rtr1", "{line}");
    holds_line(&line, |key| {
        let name = format!("LINKHOOK_{}", key.to_ascii_uppercase());
        values(&entry, &name).into_iter().map(str::to_owned).collect()
    });
    assert_eq!(values(&entry, "SYSLOG_IDENTIFIER"), ["linkhook"]);
    let severities = ["err", "warning", "notice", "info", "debug"];
    let number = 3 + severities.iter().position(|name| line["severity"] == *name).unwrap();
    assert_eq!(values(&entry, "PRIORITY"), [number.to_string()]);
    // The text line, which begins with the interface.
    let message = values(&entry, "MESSAGE")[0];
    assert!(message.starts_with("lo ") && message.contains("down") && !message.contains('{'), "{message:?}");
    drop(child);
    // Longer than a datagram may be.
    let (_child, _configuration, is_file) = start(&"h".repeat(3_000_000));
    assert!(is_file);
    Ok(())
}

/// It is killed at the end.
struct Ended(Child);

impl Drop for Ended {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn journal_later() -> Result<(), Failed> {
    let directory = tempfile::tempdir()?;
    let (socket, words) = (directory.path().join("socket"), directory.path().join("words"));
    let namespace = Namespace::new();
    let configuration = Configuration::new(&format!(
        "[watch]\nkinds = [\"hello\", \"link\"]\n[[output]]\n[[output]]\npath = \"journal\"\naddress = \"unix:{}\"\n",
        socket.display()
    ));
    let mut command = namespace.command("sh");
    command.args(["-c", &format!("exec {PROGRAM} --config {} 2>{}", configuration.path(), words.display())]);
    let mut linkhook = Linkhook::start(command);
    linkhook.event("hello", "started");
    mtu(&namespace, 30_000);
    linkhook.expect("the other output goes on", |line| line["link"]["mtu"] == 30_000);
    until("it is said", || {
        std::fs::read_to_string(&words).unwrap_or_default().contains("cannot write the output journal")
    });
    assert!(std::fs::read_to_string(&words)?.contains(&socket.display().to_string()));
    let journald = Journald::bind(&socket);
    let told: Vec<String> = (0..2).map(|_| values(&journald.next().0, "LINKHOOK_SEQ")[0].to_owned()).collect();
    assert_eq!(told, ["1", "2"]);
    let recovered = linkhook.event("output", "recovered");
    assert_eq!(recovered["output"]["path"], format!("journal at {}", socket.display()));
    // Gone again, as at an update, and back.
    drop(journald);
    std::fs::remove_file(&socket)?;
    mtu(&namespace, 30_001);
    linkhook.expect("the other output goes on", |line| line["link"]["mtu"] == 30_001);
    let journald = Journald::bind(&socket);
    until("the last change", || values(&journald.next().0, "LINKHOOK_JSON")[0].contains("30001"));
    let printed = linkhook.seen.iter().filter(|line| line["action"] == "dropped").count();
    assert_eq!(printed, 0, "something was dropped");
    Ok(())
}

/// A message of RFC 5424, taken apart as its grammar has it.
#[derive(Debug)]
struct Message {
    priority: u16,
    time: String,
    host: String,
    program: String,
    process: String,
    id: String,
    data: BTreeMap<String, Vec<String>>,
    text: String,
}

fn parse(message: &str) -> Message {
    let (priority, rest) = message.strip_prefix('<').and_then(|rest| rest.split_once('>')).expect(message);
    assert!(priority.len() <= 3 && (priority == "0" || !priority.starts_with('0')), "{message}");
    let mut words = rest.splitn(7, ' ');
    let mut word = |most: usize| {
        let word = words.next().expect(message);
        let is_printable = word.chars().all(|letter| letter.is_ascii_graphic());
        assert!(!word.is_empty() && word.len() <= most && is_printable, "{word} in {message}");
        word.to_owned()
    };
    assert_eq!(word(3), "1");
    let (time, host, program, process, id) = (word(32), word(255), word(48), word(128), word(32));
    let rest = words.next().expect(message);
    let mut letters = rest.char_indices();
    let mut data = BTreeMap::<String, Vec<String>>::new();
    assert_eq!(letters.next().unwrap().1, '[', "{message}");
    let name: String = letters.by_ref().map(|(_, letter)| letter).take_while(|letter| *letter != ' ').collect();
    assert_eq!(name, "linkhook@32473");
    let end = loop {
        let name: String = letters.by_ref().map(|(_, letter)| letter).take_while(|letter| *letter != '=').collect();
        let is_good = |letter: char| letter.is_ascii_graphic() && !"=]\"".contains(letter);
        assert!(!name.is_empty() && name.len() <= 32 && name.chars().all(is_good), "{name:?} in {message}");
        assert_eq!(letters.next().unwrap().1, '"', "{message}");
        let mut value = String::new();
        loop {
            match letters.next().expect(message).1 {
                '"' => break,
                '\\' => value.push(letters.next().expect(message).1),
                ']' => panic!("a bracket that is not escaped: {message}"),
                letter => value.push(letter),
            }
        }
        data.entry(name).or_default().push(value);
        match letters.next().expect(message) {
            (_, ' ') => {}
            (place, ']') => break place + 1,
            other => panic!("{other:?} in {message}"),
        }
    };
    let text = rest[end..].strip_prefix(' ').expect(message);
    // Without the mark it must be ASCII.
    assert!(text.is_ascii() || text.starts_with('\u{feff}'), "{message}");
    let text = text.trim_start_matches('\u{feff}').to_owned();
    Message { priority: priority.parse().unwrap(), time, host, program, process, id, data, text }
}

fn syslog_tcp() -> Result<(), Failed> {
    let namespace = Namespace::new();
    let directory = tempfile::tempdir()?;
    // A socket in the file system reaches over network namespaces; TCP does not.
    let mut relay = namespace.command("python3");
    let path = directory.path().join("relayed");
    let script = "import socket,sys\ns=socket.create_server(('127.0.0.1',0))\nprint('{\"port\":%d}'%s.getsockname()[1],flush=True)\n\
                  f=open(sys.argv[1],'ab',0)\nwhile True:\n c,_=s.accept()\n while True:\n  d=c.recv(65536)\n  if not d: break\n  f.write(d)\n";
    relay.args(["-c", script]).arg(&path);
    let mut relay = Linkhook::start(relay);
    let port = relay.expect("its port", |line| line["port"].is_u64())["port"].as_u64().unwrap();
    let configuration = Configuration::new(&format!(
        "[watch]\nkinds = [\"hello\", \"link\"]\n[security]\nsandbox = true\n[output]\npath = \"syslog\"\nformat = \"json\"\n\
         address = \"tcp:127.0.0.1:{port}\"\nfacility = \"local3\"\n"
    ));
    let mut command = namespace.command(PROGRAM);
    command.args(["--config", configuration.path()]);
    let _linkhook = Ended(command.spawn()?);
    until("hello", || std::fs::read(&path).is_ok_and(|octets| !octets.is_empty()));
    namespace.run("ip link add 'a\\b]c\"d' type bridge; ip link set lo mtu 31000; ip link del 'a\\b]c\"d'");
    let messages = || {
        let octets = std::fs::read(&path).unwrap();
        let (mut rest, mut messages) = (&octets[..], Vec::new());
        // MSG-LEN SP SYSLOG-MSG; the last one may be half there.
        while let Some(space) = rest.iter().position(|octet| *octet == b' ') {
            let length: usize = std::str::from_utf8(&rest[..space]).unwrap().parse().unwrap();
            let Some(message) = rest.get(space + 1..space + 1 + length) else { break };
            messages.push(parse(std::str::from_utf8(message).unwrap()));
            rest = &rest[space + 1 + length..];
        }
        messages
    };
    until("the last one", || messages().iter().any(|message| message.id == "link.remove"));
    let host = String::from_utf8(Command::new("uname").arg("-n").output()?.stdout)?;
    let mut odd = false;
    for (place, message) in messages().iter().enumerate() {
        let line: Value = serde_json::from_str(&message.text).unwrap();
        assert_eq!(line["seq"], place as u64 + 1);
        let severities = ["err", "warning", "notice", "info", "debug"];
        let severity = 3 + severities.iter().position(|name| line["severity"] == *name).unwrap() as u16;
        assert_eq!(message.priority, 19 * 8 + severity);
        assert_eq!((message.host.as_str(), message.program.as_str()), (host.trim(), "linkhook"));
        assert!(message.process.parse::<u32>().is_ok() && line["ts"] == message.time, "{message:?}");
        assert_eq!(message.id, format!("{}.{}", line["event"].as_str().unwrap(), line["action"].as_str().unwrap()));
        let in_head = ["v", "ts", "severity"];
        let mut facts = line.clone();
        in_head.iter().for_each(|key| drop(facts.as_object_mut().unwrap().remove(*key)));
        holds_line(&facts, |key| message.data.get(key).cloned().unwrap_or_default());
        odd |= line["ifname"] == "a\\b]c\"d";
    }
    assert!(odd, "nothing to escape came");
    Ok(())
}

fn rsyslog() -> Result<(), Failed> {
    if let Some(reason) = crate::namespace::obstacle() {
        return Err(reason.into());
    }
    let (namespace, directory) = (Namespace::new(), tempfile::tempdir()?);
    let at = |name: &str| directory.path().join(name);
    let d = directory.path().display();
    std::fs::write(
        at("rsyslog.conf"),
        format!(
            "global(workDirectory=\"{d}\")\nmodule(load=\"imtcp\")\nmodule(load=\"imuxsock\" SysSock.Use=\"off\")\n\
             input(type=\"imtcp\" address=\"127.0.0.1\" port=\"0\" listenPortFileName=\"{d}/port\")\n\
             input(type=\"imuxsock\" Socket=\"{d}/log\" UseSpecialParser=\"off\" ParseHostname=\"on\" IgnoreTimestamp=\"off\")\n\
             template(name=\"all\" type=\"list\" option.jsonf=\"on\") {{\n\
             property(outname=\"input\" name=\"inputname\" format=\"jsonf\")\n\
             property(outname=\"severity\" name=\"syslogseverity-text\" format=\"jsonf\")\n\
             property(outname=\"facility\" name=\"syslogfacility-text\" format=\"jsonf\")\n\
             property(outname=\"time\" name=\"timereported\" dateFormat=\"rfc3339\" format=\"jsonf\")\n\
             property(outname=\"program\" name=\"app-name\" format=\"jsonf\")\n\
             property(outname=\"id\" name=\"msgid\" format=\"jsonf\")\n\
             property(outname=\"data\" name=\"structured-data\" format=\"jsonf\")\n\
             property(outname=\"text\" name=\"msg\" format=\"jsonf\")\n}}\n\
             action(type=\"omfile\" file=\"{d}/told\" template=\"all\")\n"
        ),
    )?;
    let mut command = namespace.command("env");
    command.args(["PATH=/usr/sbin:/sbin:/usr/bin:/bin", "rsyslogd", "-n", "-i", "NONE", "-f"]).arg(at("rsyslog.conf"));
    let _rsyslog = Ended(command.stdout(Stdio::null()).stderr(std::fs::File::create(at("words"))?).spawn()?);
    let told = |name: &str| std::fs::read_to_string(at(name)).unwrap_or_default();
    let began = Instant::now();
    while told("port").trim().is_empty() || !at("log").exists() {
        assert!(began.elapsed() < PATIENCE, "rsyslog does not start: {}", told("words"));
        std::thread::park_timeout(Duration::from_millis(5));
    }
    let configuration = Configuration::new(&format!(
        "[watch]\nkinds = [\"hello\", \"link\"]\n[[output]]\n[[output]]\npath = \"syslog\"\naddress = \"tcp:127.0.0.1:{}\"\n\
         [[output]]\npath = \"syslog\"\naddress = \"unix:{d}/log\"\nformat = \"json\"\nfacility = \"local3\"\nkinds = [\"link\"]\n",
        told("port").trim()
    ));
    let mut linkhook = namespace.linkhook(&["--config", configuration.path()]);
    linkhook.event("hello", "started");
    // Not lo: over that it is sent.
    namespace.run("ip link add v1 type veth peer name v2; ip link set v1 up");
    let line = linkhook.expect("a change", |line| line["action"] == "change" && line["signals"][0] == "up");
    let number = format!(" seq=\"{}\" ", line["seq"]);
    let of_line = || -> Vec<Value> {
        lines(&at("told"))
            .into_iter()
            .filter(|told| told["data"].as_str().is_some_and(|data| data.contains(&number)))
            .collect()
    };
    until("it is there, both ways", || of_line().len() == 2);
    for told in &of_line() {
        assert_eq!(told["id"], "link.change", "{told}");
        assert_eq!((&told["program"], &told["severity"]), (&"linkhook".into(), &line["severity"]), "{told}");
        let time = told["time"].as_str().unwrap();
        let expected = line["ts"].as_str().unwrap();
        assert_eq!(time.get(..26), expected.get(..26), "{told}");
        let data = told["data"].as_str().unwrap();
        for key in ["seq", "ifindex"] {
            assert!(data.contains(&format!("{key}=\"{}\"", line[key])), "{key}: {told}");
        }
        assert!(data.contains("ifname=\"v1\"") && data.contains("signals=\"up\""), "{told}");
        let text = told["text"].as_str().unwrap();
        if told["input"] == "imtcp" {
            assert!(told["facility"] == "daemon" && text.starts_with("v1 ") && text.contains("is up"), "{told}");
        } else {
            let found: Value = serde_json::from_str(text)?;
            assert!(told["facility"] == "local3" && found == line, "{told}");
        }
    }
    Ok(())
}

/// A directory with outputs in it, and a configuration.
fn outputs(watch: &str, outputs: &str) -> (TempDir, Configuration) {
    let directory = tempfile::tempdir().unwrap();
    let outputs = outputs.replace("DIR", &directory.path().display().to_string());
    let watch = watch.replace("DIR", &directory.path().display().to_string());
    let configuration = Configuration::new(&format!("[watch]\n{watch}\n{outputs}"));
    (directory, configuration)
}

fn several() -> Result<(), Failed> {
    let (directory, configuration) = outputs(
        "kinds = [\"hello\", \"link\", \"addr\", \"bye\"]",
        "[[output]]\nkinds = [\"link\", \"hello\"]\nfilter = '.link.mtu != 30002'\n\
         [[output]]\npath = \"DIR/all\"\n\
         [[output]]\npath = \"DIR/some\"\nkinds = [\"addr\"]\nfamilies = [\"inet\"]\n\
         [[output]]\npath = \"DIR/text\"\nformat = \"text\"\ninterfaces = [\"altered\"]\n\
         [[output]]\npath = \"none\"\n[security]\nsandbox = true\n",
    );
    let at = |name: &str| directory.path().join(name);
    let namespace = Namespace::new();
    let mut linkhook = namespace.linkhook(&["--config", configuration.path()]);
    linkhook.event("hello", "started");
    namespace.run(
        "ip link property add dev lo altname altered; ip addr add 10.9.9.9/32 dev lo; ip addr add fd09::9/128 dev lo",
    );
    (30_001..30_004).for_each(|number| mtu(&namespace, number));
    linkhook.expect("what its filter lets through", |line| line["link"]["mtu"] == 30_003);
    assert!(!linkhook.seen.iter().any(|line| line["link"]["mtu"] == 30_002 || line["event"] == "addr"));
    until("the last one in the file", || lines(&at("all")).iter().any(|line| line["link"]["mtu"] == 30_003));
    let all = lines(&at("all"));
    assert_eq!(numbers(&all), (1..=all.len() as u64).collect::<Vec<_>>());
    // Each is opened anew.
    for name in ["all", "some", "text"] {
        std::fs::rename(at(name), at(&format!("{name}.1")))?;
    }
    linkhook.signal(Signal::HUP);
    until("new files", || ["all", "some", "text"].iter().all(|name| at(name).exists()));
    namespace.run("ip addr del 10.9.9.9/32 dev lo");
    until("the address in a new file", || !lines(&at("some")).is_empty());
    let (status, printed) = linkhook.stop();
    assert_eq!(status.code(), Some(0));
    let all = [lines(&at("all.1")), lines(&at("all"))].concat();
    assert_eq!(numbers(&all), (1..=all.len() as u64).collect::<Vec<_>>());
    assert_eq!(all.last().unwrap()["event"], "bye");
    // What each got is what of all lines it wants, in order, octet for octet.
    let wanted: Vec<&Value> = all
        .iter()
        .filter(|line| ["link", "hello"].iter().any(|kind| line["event"] == *kind) && line["link"]["mtu"] != 30_002)
        .collect();
    assert_eq!(printed.iter().collect::<Vec<_>>(), wanted);
    let some = [lines(&at("some.1")), lines(&at("some"))].concat();
    let wanted: Vec<&Value> = all.iter().filter(|line| line["addr"]["family"] == "inet").collect();
    assert_eq!(some.iter().collect::<Vec<_>>(), wanted);
    // By the alternative name, of the link and of its addresses.
    let text = std::fs::read_to_string(at("text.1"))? + &std::fs::read_to_string(at("text"))?;
    assert!(text.contains("10.9.9.9") && text.contains("30003") && !text.contains('{'), "{text}");
    Ok(())
}

fn slow() -> Result<(), Failed> {
    // More lines than a pipe and the queue together hold: a route's has about 370 bytes.
    const ROUTES: usize = 20_000;
    let (directory, configuration) = outputs(
        "kinds = [\"hello\", \"route\"]",
        "[[output]]\npath = \"DIR/slow\"\n[[output]]\npath = \"DIR/quick\"\n[[output]]\nkinds = [\"hello\", \"output\"]\n",
    );
    let at = |name: &str| directory.path().join(name);
    rustix::fs::mkfifoat(rustix::fs::CWD, at("slow"), rustix::fs::Mode::from_raw_mode(0o600))?;
    // Both ends, so that nobody waits for the other one to be opened.
    let mut reader = std::fs::OpenOptions::new().read(true).write(true).open(at("slow"))?;
    let namespace = Namespace::new();
    let mut linkhook = namespace.linkhook(&["--config", configuration.path()]);
    linkhook.event("hello", "started");
    let line = |n: usize| format!("route add 10.{}.{}.{}/32 dev lo table 77\n", n >> 16, n >> 8 & 255, n & 255);
    for from in (0..ROUTES).step_by(500) {
        namespace.batch(&(from..from + 500).map(line).collect::<String>());
    }
    // Nobody has read anything of the slow one so far.
    until("the quick one has all", || {
        lines(&at("quick")).iter().filter(|line| line["event"] == "route").count() == ROUTES
    });
    assert!(!linkhook.has_ended());
    let read = std::thread::spawn(move || {
        let (mut text, mut octets) = (Vec::new(), vec![0; 1 << 16]);
        // linkhook's end, its last line.
        while !text.ends_with(b"\"end\"}\n") {
            let read = reader.read(&mut octets).unwrap();
            text.extend_from_slice(&octets[..read]);
            if String::from_utf8_lossy(&text[text.len().saturating_sub(2000)..]).contains("\"recovered\"") {
                break;
            }
        }
        String::from_utf8(text).unwrap()
    });
    let dropped = linkhook.event("output", "dropped");
    assert_eq!(dropped["output"]["path"], at("slow").display().to_string());
    let text = read.join().map_err(|_| "the reader panicked")?;
    let told: Vec<Value> = text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
    let numbers = numbers(&told);
    assert!(numbers.is_sorted_by(|one, other| one < other), "out of order");
    let losses = told.iter().filter(|line| line["action"] == "dropped");
    let lost: u64 = losses.filter_map(|line| line["output"]["lines"].as_u64()).sum();
    assert!(lost > 0);
    assert_eq!(numbers.last().unwrap() - numbers.len() as u64, lost);
    Ok(())
}

fn behind_a_store() -> Result<(), Failed> {
    let (directory, configuration) = outputs(
        "kinds = [\"hello\", \"link\", \"addr\"]\nstate_dir = \"DIR/state\"\nfilter = '.link.mtu != 30001'",
        "[[output]]\n[[output]]\npath = \"DIR/addr\"\nkinds = [\"addr\"]\n[[output]]\npath = \"DIR/link\"\nkinds = [\"link\"]\n",
    );
    let at = |name: &str| directory.path().join(name);
    let namespace = Namespace::new();
    let mut linkhook = namespace.linkhook(&["--config", configuration.path()]);
    linkhook.event("hello", "started");
    for number in 0..50 {
        namespace.run(&format!("ip link set lo mtu {}; ip addr add 10.9.9.{number}/32 dev lo", 30_000 + number));
    }
    linkhook.expect("the last one", |line| line["addr"]["local"] == "10.9.9.49");
    until("it is in its file", || lines(&at("addr")).iter().any(|line| line["addr"]["local"] == "10.9.9.49"));
    let (status, printed) = linkhook.stop();
    assert_eq!(status.code(), Some(0));
    for kind in ["addr", "link"] {
        let wanted: Vec<&Value> = printed.iter().filter(|line| line["event"] == kind).collect();
        assert!(wanted.len() >= 49, "{kind}: {}", wanted.len());
        assert_eq!(lines(&at(kind)).iter().collect::<Vec<_>>(), wanted);
    }
    assert!(!printed.iter().any(|line| line["link"]["mtu"] == 30_001));
    Ok(())
}

fn command_line() -> Result<(), Failed> {
    let (directory, configuration) =
        outputs("kinds = [\"hello\", \"link\"]", "[[output]]\npath = \"DIR/one\"\n[[output]]\npath = \"DIR/two\"\n");
    let namespace = Namespace::new();
    let refused = namespace.command(PROGRAM).args(["--config", configuration.path(), "--format", "text"]).output()?;
    let words = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(refused.status.code() == Some(2) && words.contains("--output FILE"), "{words}");
    let mut linkhook = namespace.linkhook(&["--config", configuration.path(), "--output", "-"]);
    linkhook.event("hello", "started");
    linkhook.stop();
    assert!(!directory.path().join("one").exists() && !directory.path().join("two").exists());
    Ok(())
}
