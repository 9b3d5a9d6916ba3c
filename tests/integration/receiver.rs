//! An HTTP receiver that answers as it is told. It is this test program, started once more, so that it can run in a
//! namespace; each request is a JSON line on its stdout.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::imitations::{self, Taken};
use crate::namespace::{Linkhook, Namespace};

/// Its answers, with commas: a status, `503:2` for one with `Retry-After: 2`, `slow` for none before the client goes,
/// `reset` for a closed connection, `half` for half a head. The last one is repeated; with `cycle` before them, all are. The name of
/// a store, alone, for its imitation: see [`imitations`].
const ANSWERS: &str = "LINKHOOK_TEST_RECEIVER";

/// Receives, if this process was started for it.
pub fn serve_if_asked() -> bool {
    let Ok(answers) = std::env::var(ANSWERS) else { return false };
    let answers: Arc<Vec<String>> = Arc::new(answers.split(',').map(str::to_owned).collect());
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    say(&json!({"port": listener.local_addr().unwrap().port()}));
    let (began, count) = (Instant::now(), Arc::new(AtomicUsize::new(0)));
    for stream in listener.incoming() {
        let (answers, count) = (answers.clone(), count.clone());
        std::thread::spawn(move || serve(stream.unwrap(), &answers, &count, began));
    }
    true
}

fn say(value: &Value) {
    let _ = std::io::stdout().write_all(format!("{value}\n").as_bytes());
}

fn serve(mut stream: TcpStream, answers: &[String], count: &AtomicUsize, began: Instant) {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let mut line = String::new();
    // A connection that asks nothing.
    if !reader.read_line(&mut line).is_ok_and(|octets| octets > 0) {
        return;
    }
    let request = line.trim().to_owned();
    let mut headers = BTreeMap::new();
    loop {
        line.clear();
        reader.read_line(&mut line).unwrap();
        let Some((name, value)) = line.trim().split_once(": ") else { break };
        headers.insert(name.to_ascii_lowercase(), value.to_owned());
    }
    let mut body = vec![0; headers["content-length"].parse().unwrap()];
    reader.read_exact(&mut body).unwrap();
    let place = count.fetch_add(1, Ordering::SeqCst);
    let answer = match answers.split_first() {
        Some((first, rest)) if first == "cycle" => rest[place % rest.len()].as_str(),
        _ => answers[place.min(answers.len() - 1)].as_str(),
    };
    // What is compressed is told as octets.
    let octets = headers.get("content-encoding").map(|_| body.clone());
    let body = String::from_utf8_lossy(&body).into_owned();
    let milliseconds = began.elapsed().as_millis() as u64;
    if let Some(Taken { status, body: told, lines }) = imitations::answer(answer, &headers, &body) {
        say(&json!({"request": request, "headers": headers, "body": body, "taken": lines, "at": milliseconds}));
        let head = format!("HTTP/1.1 {status} Told\r\ncontent-length: {}\r\nconnection: close\r\n\r\n", told.len());
        let _ = stream.write_all((head + &told).as_bytes());
        return;
    }
    say(
        &json!({"request": request, "headers": headers, "body": body, "octets": octets, "answer": answer, "at": milliseconds}),
    );
    let (status, retry_after) = answer.split_once(':').unwrap_or((answer, ""));
    match status {
        "reset" => {}
        "half" => stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-le").unwrap(),
        // Until the client goes.
        "slow" => drop(reader.read(&mut [0])),
        _ => {
            let retry_after =
                if retry_after.is_empty() { String::new() } else { format!("retry-after: {retry_after}\r\n") };
            // Whoever takes in bulk says so in JSON.
            let told = if request.contains("/_bulk") { "{}" } else { "ok" };
            let head = format!("HTTP/1.1 {status} Told\r\n{retry_after}content-length: 2\r\nconnection: close\r\n\r\n");
            let _ = stream.write_all((head + told).as_bytes());
        }
    }
}

/// A receiver that runs.
pub struct Receiver {
    requests: Linkhook,
    /// Where it listens on loopback.
    pub port: u64,
}

impl Receiver {
    /// Starts one in a namespace.
    pub fn inside(namespace: &Namespace, answers: &str) -> Receiver {
        Receiver::start(namespace.command(std::env::current_exe().unwrap().to_str().unwrap()), answers)
    }

    /// Starts one in this namespace.
    pub fn here(answers: &str) -> Receiver {
        Receiver::start(Command::new(std::env::current_exe().unwrap()), answers)
    }

    fn start(mut command: Command, answers: &str) -> Receiver {
        command.env(ANSWERS, answers);
        let mut requests = Linkhook::start(command);
        let port = requests.expect("its port", |line| line["port"].is_u64())["port"].as_u64().unwrap();
        Receiver { requests, port }
    }

    /// The next request, if it has come.
    pub fn try_next(&mut self) -> Option<Value> {
        self.requests.try_lines(Duration::ZERO).into_iter().next()
    }

    /// The next request.
    pub fn next(&mut self) -> Value {
        self.requests.expect("a request", |_| true)
    }
}
