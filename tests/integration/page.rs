//! The page at `/`, in a browser: headless Chromium, which is told what to do over its debugging pipe (Chrome DevTools Protocol).

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use libtest_mimic::Failed;
use rustix::process::Signal;
use serde_json::{Value, json};

use crate::deliver::Configuration;
use crate::namespace::{Linkhook, Namespace, PATIENCE};
use crate::store::{State, mtu, run};

/// The tests of this room; all need a namespace, and a browser.
pub const BROWSER_TESTS: &[crate::Test] = &[
    ("what_happens_is_read_within_a_moment", lives),
    ("what_is_chosen_is_shown_and_it_can_be_paused", chosen),
    ("an_event_opens_by_the_keyboard_and_leads_to_its_cause", opened),
    ("nothing_of_the_network_is_read_as_html_and_nothing_foreign_runs", safe),
    ("a_connection_that_dies_without_a_word_is_begun_anew", silent),
    ("it_asks_for_the_token_and_goes_on_after_a_restart", token),
];

const BROWSER: &str = "chromium";
const PORT: u16 = 9473;

/// Why there is no browser to ask, if so.
pub fn obstacle() -> Option<String> {
    let found = Command::new(BROWSER).arg("--version").output().is_ok_and(|output| output.status.success());
    (!found).then(|| "there is no chromium; Debian's package chromium has it".into())
}

/// A watch that serves the page at a loopback address of its namespace.
struct Served {
    namespace: Namespace,
    _state: State,
    configuration: Configuration,
    linkhook: Option<Linkhook>,
}

impl Served {
    fn new(more: &str) -> Served {
        let (namespace, state) = (Namespace::new(), State::new());
        namespace.run("ip link set lo up");
        let configuration = Configuration::new(&format!(
            "[watch]\nstate_dir = \"{}\"\n[history]\n[http]\nlisten = \"127.0.0.1:{PORT}\"\n{more}",
            state.path().display()
        ));
        let linkhook = Some(run(&namespace, &configuration));
        Served { namespace, _state: state, configuration, linkhook }
    }
}

/// A browser with the page.
struct Page {
    browser: Child,
    session: String,
    last: u64,
    answers: Receiver<Value>,
    _profile: tempfile::TempDir,
}

impl Drop for Page {
    fn drop(&mut self) {
        let _ = self.browser.kill();
        let _ = self.browser.wait();
    }
}

impl Page {
    fn open(served: &Served) -> Page {
        let profile = tempfile::tempdir().unwrap();
        let mut command = served.namespace.command("sh");
        // Its own sandbox needs what a test has not everywhere.
        let script = format!(
            "exec {BROWSER} --headless=new --no-sandbox --disable-gpu --disable-dev-shm-usage --no-first-run --user-data-dir={} \
             --remote-debugging-pipe about:blank 3<&0 4>&1 >/dev/null 2>&1 </dev/null",
            profile.path().display()
        );
        command.args(["-ec", &script]).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut browser = command.spawn().unwrap();
        let (say, answers) = channel();
        let mut output = BufReader::new(browser.stdout.take().unwrap());
        std::thread::spawn(move || {
            let mut message = Vec::new();
            while output.read_until(0, &mut message).is_ok_and(|octets| octets > 0) {
                message.pop();
                let Ok(answer) = serde_json::from_slice(&message) else { break };
                if say.send(answer).is_err() {
                    break;
                }
                message.clear();
            }
        });
        let mut page = Page { browser, session: String::new(), last: 0, answers, _profile: profile };
        let target = page.call("Target.createTarget", json!({ "url": "about:blank" }));
        let attach = json!({ "targetId": target["targetId"], "flatten": true });
        page.session = page.call("Target.attachToTarget", attach)["sessionId"].as_str().unwrap().to_owned();
        page.call("Page.enable", json!({}));
        page.call("Log.enable", json!({}));
        page.go();
        page
    }

    fn go(&mut self) {
        self.call("Page.navigate", json!({ "url": format!("http://127.0.0.1:{PORT}/") }));
        self.until("document.getElementById('connection') !== null");
    }

    /// What a method of the browser gives back.
    fn call(&mut self, method: &str, parameters: Value) -> Value {
        self.last += 1;
        let mut request = json!({ "id": self.last, "method": method, "params": parameters });
        if !self.session.is_empty() {
            request["sessionId"] = self.session.clone().into();
        }
        let mut text = request.to_string().into_bytes();
        text.push(0);
        self.browser.stdin.as_mut().unwrap().write_all(&text).unwrap();
        let began = Instant::now();
        loop {
            let left = PATIENCE.saturating_sub(began.elapsed());
            let answer = self.answers.recv_timeout(left).unwrap_or_else(|error| panic!("{method}: {error}"));
            let entry = &answer["params"]["entry"];
            assert!(entry["source"] != "security", "a policy is broken: {entry}");
            if answer["id"] == self.last {
                assert!(answer["error"].is_null(), "{method}: {answer}");
                return answer["result"].clone();
            }
        }
    }

    /// What a script in the page gives.
    fn get(&mut self, script: &str) -> Value {
        let answer =
            self.call("Runtime.evaluate", json!({ "expression": script, "awaitPromise": true, "returnByValue": true }));
        assert!(answer["exceptionDetails"].is_null(), "{script}: {answer}");
        answer["result"]["value"].clone()
    }

    /// Waits until a script in the page says so.
    fn until(&mut self, script: &str) {
        let began = Instant::now();
        while self.get(script) != true {
            let shown = if began.elapsed() > PATIENCE { self.get("document.body.innerText") } else { Value::Null };
            assert!(shown.is_null(), "it never comes true: {script}\n{shown}");
            std::thread::park_timeout(Duration::from_millis(20));
        }
    }

    fn until_shown(&mut self, text: &str) {
        self.until(&format!("document.getElementById('events').innerText.includes({})", json!(text)));
    }

    fn press(&mut self, key: &str, code: u32) {
        for kind in ["keyDown", "keyUp"] {
            let text = if key == "Enter" && kind == "keyDown" { "\r" } else { "" };
            let event = json!({ "type": kind, "key": key, "code": key, "windowsVirtualKeyCode": code, "text": text });
            self.call("Input.dispatchKeyEvent", event);
        }
    }
}

fn lives() -> Result<(), Failed> {
    let served = Served::new("[[webhook]]\nname = \"noc\"\nurl = \"http://127.0.0.1:9/hook\"\n");
    let mut page = Page::open(&served);
    page.until("document.getElementById('connection').className === 'live'");
    served.namespace.run("ip link add eth0 type veth peer name v1; ip addr add 10.9.0.1/24 dev eth0; ip link set eth0 up; ip link set v1 up");
    page.until_shown("carrier_up");
    served.namespace.run("ip link set v1 down");
    page.until_shown("carrier_lost");
    page.until("[...document.querySelectorAll('#interfaces tr')].some(row => row.innerText.includes('eth0') && row.innerText.includes('10.9.0.1/24') && row.innerText.includes('LOWERLAYERDOWN'))");
    page.until("document.getElementById('webhooks').innerText.includes('refused')");
    page.until("document.querySelectorAll('#timeline rect').length > 0");
    page.until("document.title.endsWith('linkhook')");
    Ok(())
}

fn chosen() -> Result<(), Failed> {
    let served = Served::new("");
    let mut page = Page::open(&served);
    page.until("document.getElementById('connection').className === 'live'");
    served.namespace.run("ip link add v0 type veth peer name v1; ip link set v0 up; ip route add 10.77.0.0/16 dev v0");
    page.until_shown("route add 10.77.0.0/16");
    page.until_shown("link add v0");
    let choose = |id: &str, value: &str, event: &str| {
        format!(
            "{{ const field = document.getElementById('{id}'); field.value = '{value}'; field.dispatchEvent(new Event('{event}')); }}"
        )
    };
    page.get(&choose("kind", "route", "change"));
    page.until("!document.getElementById('events').innerText.includes('link add')");
    page.until_shown("route add 10.77.0.0/16");
    page.get(&choose("kind", "nonsense", "change"));
    page.until("document.getElementById('refused').innerText.includes('nonsense')");
    page.get(&choose("kind", "", "change"));
    page.until_shown("link add v0");
    page.get(&choose("text", "10.77", "input"));
    page.until("!document.getElementById('events').innerText.includes('link add')");
    page.get(&choose("text", "", "input"));
    page.get("document.getElementById('pause').click()");
    served.namespace.run("ip route add 10.78.0.0/16 dev v0");
    page.until("document.getElementById('waiting').innerText.includes('1 more while paused')");
    assert_eq!(page.get("document.getElementById('events').innerText.includes('10.78')"), false);
    page.get("document.getElementById('pause').click()");
    page.until_shown("route add 10.78.0.0/16");
    Ok(())
}

fn opened() -> Result<(), Failed> {
    let served = Served::new("");
    served.namespace.run("ip link add v0 type veth peer name v1; ip addr add 10.9.0.1/24 dev v0; ip link set v0 up; ip link set v1 up; ip route add 10.77.0.0/16 via 10.9.0.2");
    let mut page = Page::open(&served);
    page.until_shown("route add 10.77.0.0/16");
    served.namespace.run("ip link set v0 down");
    page.until_shown("route remove 10.77.0.0/16");
    // What comes meanwhile, as an address that is ready, is not to move it. From the last field on, the next stop is the first event.
    page.get("document.getElementById('pause').click(); document.getElementById('pause').focus()");
    page.get("window.wanted = [...document.querySelectorAll('#events summary')].findIndex(line => line.innerText.includes('route remove 10.77.0.0/16'))");
    let wanted = page.get("window.wanted").as_u64().expect("a place");
    for _ in 0..=wanted {
        page.press("Tab", 9);
    }
    page.until("document.activeElement.innerText.includes('route remove 10.77.0.0/16')");
    page.press("Enter", 13);
    page.until("document.activeElement.parentElement.open === true");
    page.until("document.activeElement.parentElement.innerText.includes('caused by')");
    // The link that went down is what its button leads to.
    page.press("Tab", 9);
    page.press("Enter", 13);
    page.until("[...document.querySelectorAll('#events details[open]')].some(event => event.innerText.includes('link change v0'))");
    Ok(())
}

fn safe() -> Result<(), Failed> {
    let served = Served::new("");
    let mut page = Page::open(&served);
    served.namespace.run(
        "ip link add v0 type veth peer name v1; ip link set v0 alias '<img src=x onerror=window.evil=1><b>bold</b>'",
    );
    page.until_shown("<img src=x");
    assert_eq!(page.get("document.querySelectorAll('img, b').length + (window.evil || 0)"), 0);
    // Whatever gets into the page all the same may not run, nor say anything elsewhere.
    for script in [
        "try { const script = document.createElement('script'); script.textContent = 'window.evil = 1'; document.body.append(script); } catch { } window.evil === undefined",
        "try { document.body.insertAdjacentHTML('beforeend', '<img src=x onerror=\"window.evil = 1\">'); } catch { } window.evil === undefined",
        "fetch('http://127.0.0.2:9/').then(() => false, () => true)",
    ] {
        let answer = page.call_broken(script);
        assert_eq!(answer, true, "{script}");
    }
    Ok(())
}

impl Page {
    /// The same as `get`, of what a policy stops.
    fn call_broken(&mut self, script: &str) -> Value {
        self.call("Log.disable", json!({}));
        self.get(script)
    }
}

fn silent() -> Result<(), Failed> {
    let mut served = Served::new("");
    let mut page = Page::open(&served);
    page.until("document.getElementById('connection').className === 'live'");
    let linkhook = served.linkhook.as_mut().unwrap();
    linkhook.signal(Signal::STOP);
    page.until("document.getElementById('connection').className === 'broken'");
    linkhook.signal(Signal::CONT);
    page.until("document.getElementById('connection').className === 'live'");
    mtu(&served.namespace, 30_001);
    page.until_shown("30001");
    Ok(())
}

fn token() -> Result<(), Failed> {
    let mut served = Served::new("token = \"0123456789abcdef\"\n");
    let mut page = Page::open(&served);
    page.until("document.getElementById('token-section').hidden === false");
    page.get("document.getElementById('token').value = '0123456789abcdef'; document.querySelector('#token-form button').click()");
    page.until("document.getElementById('connection').className === 'live'");
    mtu(&served.namespace, 30_001);
    page.until_shown("30001");
    served.linkhook.take().unwrap().stop();
    page.until("document.getElementById('connection').className === 'broken'");
    mtu(&served.namespace, 30_002);
    served.linkhook = Some(run(&served.namespace, &served.configuration));
    // What changed meanwhile is told, and what it had is there.
    page.until_shown("30002");
    page.until_shown("30001");
    Ok(())
}
