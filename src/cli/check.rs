//! `linkhook check`: validates a configuration and says what it does.

use std::io::Write;
use std::path::{Path, PathBuf};

use rustix::fs::{Access, AtFlags};

use crate::config::{self, Configuration, OutputEvents, OutputPlace, OutputSettings};
use crate::config::{HttpSettings, Listen};
use crate::deliver::formats::Meaning;
use crate::deliver::hub::post;
use crate::deliver::retry::Consequence;
use crate::deliver::send::Reply;
use crate::deliver::{Proxy, Settle, Target, Webhook, WhenFull};
use crate::error::{Error, Result};
use crate::event::severity::Severity;
use crate::event::signals::Signals;
use crate::event::{self, Clock, Head, HeadCache, Origin, own};
use crate::json::Json;
use crate::kinds::KINDS;
use crate::netns::{DIRECTORY, Wanted};
use crate::output::syslog::Address;
use crate::output::text::shown;
use crate::output::written;
use crate::sandbox::{self, probe};
use crate::store::Directory;
use crate::units::{bytes_words, counted, duration_words};
use crate::watch::now_microseconds;

/// The service's configuration, which is meant where none is named.
const SERVICE: &str = "/etc/linkhook/linkhook.toml";

/// Arguments of `linkhook check`.
#[derive(Debug, clap::Args)]
#[group(skip)]
pub struct Arguments {
    /// The configuration
    #[arg(default_value = SERVICE)]
    config: PathBuf,
    /// Send a test event to each webhook, and run each command with it, once, and show the answers
    #[arg(long)]
    send: bool,
    /// With --send: show the body that is sent, too, and how the answer begins
    #[arg(long, requires = "send")]
    show: bool,
    /// Enter the sandbox that this configuration gets, and try what it refuses
    #[arg(long, conflicts_with = "send")]
    sandbox: bool,
}

/// Runs the command.
pub fn run(arguments: &Arguments) -> Result<()> {
    let configuration = config::load(&arguments.config)?;
    for warning in configuration.warnings.iter().chain(&unusable(&configuration)) {
        log::warn!("{warning}");
    }
    // They come first, at a terminal as well.
    log::logger().flush();
    let host = configuration.watch.host.clone().unwrap_or_else(config::own_host);
    let mut out = std::io::stdout();
    written(out.write_all(lines(&words(&configuration)).as_bytes()))?;
    if arguments.sandbox {
        return try_sandbox(&arguments.config, &configuration);
    }
    if !arguments.send {
        return Ok(());
    }
    if !configuration.webhooks.is_empty() {
        log::warn!("a test event is sent to each webhook and command: one that acts on events may act on it");
        log::logger().flush();
    }
    let mut refused = Vec::new();
    for webhook in &configuration.webhooks {
        let (body, reply) = match post(webhook, &host, &test_event(&host, webhook)) {
            Ok(posted) => posted,
            Err(why) => {
                refused.push(webhook.name.as_str());
                written(out.write_all(format!("not sent to {}: {}\n", webhook.name, shown(&why)).as_bytes()))?;
                continue;
            }
        };
        let now = jiff::Timestamp::now();
        let is_rejected = matches!(&reply, Reply::Answer { meaning: Meaning::Rejected { .. }, .. });
        if is_rejected || webhook.retry.judge(reply.outcome(), 0, now, 0.0) != Consequence::Delivered {
            refused.push(webhook.name.as_str());
        }
        if arguments.show {
            let body = String::from_utf8_lossy(&body);
            written(out.write_all(
                format!("to {} as {}:\n{}\n", webhook.name, format_words(webhook), shown_lines(&body)).as_bytes(),
            ))?;
        }
        let said = reply.said().filter(|said| arguments.show && !reply.words().contains(said));
        let said = said.map(|said| format!("\n{}", shown(said))).unwrap_or_default();
        let told = format!("sent to {}: {}{said}", webhook.name, shown(&reply.words()));
        written(out.write_all(format!("{told}\n").as_bytes()))?;
    }
    if refused.is_empty() {
        return Ok(());
    }
    Err(Error::failed(format_args!("the test event was not taken by {}", refused.join(", "))))
}

/// Lines as they may be shown.
fn shown_lines(text: &str) -> String {
    text.lines().map(shown).collect::<Vec<_>>().join("\n")
}

/// Enters the sandbox, and says of each thing that is tried in it whether it is refused. What is needed and refused, or not needed
/// and allowed, is an error.
fn try_sandbox(path: &Path, configuration: &Configuration) -> Result<()> {
    let needs = super::needs::of(path, configuration, &configuration.watch.namespaces, None);
    if let Some(directory) = &configuration.watch.state_dir {
        Directory::make(directory)?;
    }
    if !sandbox::enter(&needs, configuration.sandbox)? {
        return Err(Error::failed("there is nothing to try: [security] sandbox is false, or [[exec]] runs commands"));
    }
    let tried = probe::all(&needs);
    let mut out = std::io::stdout();
    for attempt in &tried {
        let outcome = match &attempt.result {
            Ok(()) => "allowed".to_owned(),
            Err(error) => format!("refused ({error})"),
        };
        let wrong = if attempt.is_right() { "" } else { ", WRONG" };
        written(out.write_all(format!("{}: {outcome}{wrong}\n", shown(&attempt.what)).as_bytes()))?;
    }
    match tried.iter().filter(|attempt| !attempt.is_right()).count() {
        0 => Ok(()),
        wrong => Err(Error::failed(format_args!("the sandbox does not hold in {}", counted(wrong as u64, "thing")))),
    }
}

/// `{"event":"output","action":"test","output":{"webhook":…}}`.
fn test_event(host: &str, webhook: &Webhook) -> Vec<u8> {
    let mut out = Json::new();
    let head = Head {
        time_microseconds: now_microseconds(),
        sequence: 0,
        host: Some(host),
        netns: None,
        event: own::OUTPUT_TEST.name,
        action: own::OUTPUT_TEST.action,
        origin: Origin::Linkhook,
        severity: own::OUTPUT_TEST.severity,
        cause: None,
        interface: None,
        signals: Signals::NONE,
        changed: &[],
        actor: None,
    };
    event::begin(&mut out, &mut Clock::default(), &mut HeadCache::default(), &head);
    out.begin_object();
    out.key(webhook.word());
    out.string(&webhook.name);
    out.end_object();
    event::end(&mut out);
    out.take()
}

/// "a, b" or "all".
fn list(words: &[String]) -> String {
    if words.is_empty() { "all".into() } else { words.join(", ") }
}

/// Lines in which nothing steers the terminal.
fn lines(text: &str) -> String {
    text.lines().map(|line| shown(line) + "\n").collect()
}

/// Where lines and state go, as far as whoever runs this cannot use it.
fn unusable(configuration: &Configuration) -> Vec<String> {
    let mut told = Vec::new();
    let mut tell = |key: &str, path: &Path, why: &str| told.push(format!("{key}: {}: {why}", path.display()));
    for output in &configuration.outputs {
        let OutputPlace::File(path) = &output.place else {
            if let OutputPlace::Journal(path) | OutputPlace::Syslog(Address::Unix(path), _) = &output.place
                && !path.exists()
            {
                tell("output.address", path, "nobody listens there; lines wait until somebody does");
            }
            continue;
        };
        let directory = directory_of(path);
        if !directory.is_dir() {
            tell(
                "output.path",
                path,
                "its directory is missing: make it, if the service's unit does not (LogsDirectory=)",
            );
        } else if path.is_dir() {
            tell("output.path", path, "it is a directory");
        } else if path.exists() && !is_allowed(path, Access::WRITE_OK) {
            tell("output.path", path, "whoever runs this check cannot write it");
        } else if (!path.exists() || output.rotation.is_some()) && !is_writable(directory) {
            tell("output.path", path, "whoever runs this check cannot make files in its directory");
        }
    }
    if let Some(HttpSettings { listen: Listen::Path(path), .. }) = &configuration.http
        && !directory_of(path).is_dir()
    {
        tell("http.listen", path, "its directory is missing");
    }
    if let Some(path) = &configuration.watch.state_dir {
        if path.is_dir() && !is_writable(path) {
            tell("watch.state_dir", path, "whoever runs this check cannot write it");
        } else if path.exists() && !path.is_dir() {
            tell("watch.state_dir", path, "it is no directory");
        } else if !path.exists() {
            // It is made with those above it.
            let above = path.ancestors().skip(1).find(|above| directory_of_nothing(above).exists());
            let possible = above.is_some_and(|above| is_writable(directory_of_nothing(above)));
            let why = if possible {
                "it is missing; linkhook makes it when it starts"
            } else {
                "it is missing, and whoever runs this check cannot make it"
            };
            tell("watch.state_dir", path, why);
        }
    }
    told
}

fn directory_of(path: &Path) -> &Path {
    path.parent().map_or(path, directory_of_nothing)
}

/// What is above a bare name is the current directory.
fn directory_of_nothing(path: &Path) -> &Path {
    if path.as_os_str().is_empty() { Path::new(".") } else { path }
}

/// Whether files can be made in a directory.
fn is_writable(directory: &Path) -> bool {
    is_allowed(directory, Access::WRITE_OK | Access::EXEC_OK)
}

/// By the rights that count: those of the effective user.
fn is_allowed(path: &Path, access: Access) -> bool {
    rustix::fs::accessat(rustix::fs::CWD, path, access, AtFlags::EACCESS).is_ok()
}

fn words(configuration: &Configuration) -> String {
    let Configuration { watch, outputs, webhooks, .. } = configuration;
    let namespaces = match &watch.namespaces {
        Wanted::Own => "the own".to_owned(),
        Wanted::Named(names) => list(&names.iter().map(|name| name.label.clone()).collect::<Vec<_>>()),
        Wanted::All(others) => {
            let others = others.iter().map(|path| path.display().to_string());
            format!(
                "the own and all in {}",
                [DIRECTORY.into()].into_iter().chain(others).collect::<Vec<_>>().join(", ")
            )
        }
    };
    let mut lines = vec![format!(
        "watch: kinds {}; interfaces {}; network namespaces: {namespaces}",
        list(&watch.kinds),
        list(&watch.interfaces)
    )];
    lines.extend(outputs.iter().map(output_words));
    lines.push(match &watch.state_dir {
        Some(path) => format!("state: {}; nothing is lost when linkhook ends", path.display()),
        None => "state: none; what waits for webhooks is lost when linkhook ends".to_owned(),
    });
    lines.extend(configuration.http.as_ref().map(|HttpSettings { listen, token }| {
        format!("http: {listen}, {} a token", if token.is_some() { "with" } else { "without" })
    }));
    webhooks.iter().for_each(|webhook| lines.extend(webhook_words(webhook)));
    lines.push(String::new());
    lines.join("\n")
}

fn output_words(output: &OutputSettings) -> String {
    let place = match &output.place {
        OutputPlace::Stdout => "stdout".to_owned(),
        _ => output.name(),
    };
    let rotated = output.rotation.map_or(String::new(), |rotation| {
        let compressed = if rotation.gzip { ", compressed" } else { "" };
        let size = bytes_words(usize::try_from(rotation.size_bytes).unwrap_or(usize::MAX));
        format!("; rotated at {size}, {} old ones{compressed}", rotation.keep)
    });
    let OutputEvents { kinds, interfaces, actions, signals, families, severity, netns, filter } = &output.events;
    let named = [("kinds", kinds), ("actions", actions), ("signals", signals), ("interfaces", interfaces)];
    let named = named.into_iter().chain([("families", families), ("network namespaces", netns)]);
    let only = named.filter(|(_, list)| !list.is_empty()).map(|(what, list)| format!("; {what} {}", list.join(", ")));
    let only = only.chain(severity.map(|severity| format!("; {} and above", severity.name())));
    let only: String = only.chain(filter.as_ref().map(|_| "; by a jq filter".to_owned())).collect();
    format!("output: {place}, {}{rotated}{only}", output.format())
}

/// What a body looks like.
fn format_words(webhook: &Webhook) -> &str {
    if webhook.body.is_some() { "what its jq body makes" } else { webhook.format.name }
}

/// How events settle.
fn settle_words(settle: Settle) -> String {
    let same = if settle.skips_same { ", and an object that is as it was is left out" } else { "" };
    format!("; events settle for {}{same}", duration_words(settle.quiet))
}

/// Where events go, how a body is, and what an attempt takes.
fn target_words(webhook: &Webhook) -> [String; 3] {
    let (title, timeout) = (webhook.title(), duration_words(webhook.timeout));
    let address = match &webhook.target {
        Target::Command(command) => {
            let words = command.arguments.iter().map(|word| format!(" {word:?}")).collect::<String>();
            let several = if webhook.limits.events > 1 { ", a line for each event" } else { "" };
            return [
                format!("{title}: {:?}{words}", command.program.display()),
                format!("  stdin: the event{several}"),
                format!("  an attempt takes {timeout} at most; then what it has started is killed"),
            ];
        }
        Target::Address(address) => address,
    };
    let signed = match address.secrets.len() {
        0 => "not signed".to_owned(),
        1 => "signed".to_owned(),
        several => format!("signed with {several} secrets"),
    };
    let proxy = match address.proxy {
        Proxy::Environment(_) => "the proxy of the environment",
        Proxy::None => "no proxy",
        Proxy::Address(_) => "a proxy",
    };
    [
        format!("{title}: {}", address.place),
        format!("  format: {}, {signed}, {}", format_words(webhook), counted(address.headers.len() as u64, "header")),
        format!("  an attempt takes {timeout} at most, through {proxy}"),
    ]
}

fn webhook_words(webhook: &Webhook) -> [String; 7] {
    let Webhook { filter, limits, retry, .. } = webhook;
    let objects = match &filter.kinds {
        None => "every object".to_owned(),
        Some(kinds) => {
            let named = KINDS.iter().zip(kinds).filter(|(_, wanted)| **wanted).map(|(kind, _)| kind.name);
            named.chain(webhook.own.iter().copied()).collect::<Vec<_>>().join(", ")
        }
    };
    let actions: Vec<String> = filter.actions.iter().map(|action| action.name().to_owned()).collect();
    let signals: Vec<&str> = filter.signals.names().collect();
    let only = [
        (!actions.is_empty()).then(|| format!("; actions {}", actions.join(", "))),
        (!signals.is_empty()).then(|| format!("; signals {}", signals.join(", "))),
        (filter.severity > Severity::Debug).then(|| format!("; {} and above", filter.severity.name())),
        filter.wants_interfaces().then(|| "; of some interfaces".to_owned()),
        (!filter.netns.is_empty()).then(|| "; of some network namespaces".to_owned()),
        (!filter.families.is_empty()).then(|| "; of some families".to_owned()),
        webhook.jq.is_some().then(|| "; by a jq filter".to_owned()),
    ];
    let only: String = only.into_iter().flatten().collect();
    let when_full = match webhook.when_full {
        WhenFull::DropOldest => "the oldest events are dropped",
        WhenFull::DropNewest => "new events are dropped",
        WhenFull::Block => "linkhook stops reading until there is room",
    };
    let [target, format, attempt] = target_words(webhook);
    [
        target,
        format!("  events: {objects}{only}"),
        format,
        format!(
            "  batch: {} or {} at most, gathered for {} at most{}",
            counted(limits.events as u64, "event"),
            bytes_words(limits.bytes),
            duration_words(limits.wait),
            webhook.settle.map(settle_words).unwrap_or_default()
        ),
        format!(
            "  retry: pauses from {} to {}, given up after {}",
            duration_words(retry.first),
            duration_words(retry.most),
            duration_words(retry.give_up_after)
        ),
        format!("  spool: {}, then {when_full}", bytes_words(webhook.spool_bytes)),
        attempt,
    ]
}
