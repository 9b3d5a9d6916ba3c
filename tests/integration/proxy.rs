//! Webhooks through a proxy: which one is used, and what it learns.

use std::io::{BufRead, BufReader, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::mpsc::{Receiver as Lines, channel};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use libtest_mimic::Failed;

use crate::namespace::PATIENCE;
use crate::receiver::Receiver;
use crate::tls::{Authority, HERE, send};

/// The tests of this room.
pub const TESTS: &[crate::Test] = &[
    ("the_one_that_is_configured_is_used", configured),
    ("that_of_the_environment_is_used_for_its_scheme", environment),
    ("none_is_used_where_none_is_wanted", none),
    ("one_that_refuses_is_no_answer", refuses),
    ("over_tls_the_receiver_proves_its_name_through_it", tls),
];

/// A proxy in threads of this process. Whatever is asked for, it connects to one receiver.
struct Proxy {
    port: u16,
    /// Each request's head.
    heads: Lines<Vec<String>>,
}

impl Proxy {
    /// One that connects to a port on loopback; without one it refuses.
    fn new(target: Option<u16>) -> Proxy {
        let listener = TcpListener::bind((HERE, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let (sender, heads) = channel();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let sender = sender.clone();
                std::thread::spawn(move || {
                    let _ = sender.send(serve(&stream, target).unwrap_or_default());
                });
            }
        });
        Proxy { port, heads }
    }

    /// The first head: its lines.
    fn head(&self) -> Vec<String> {
        self.heads.recv_timeout(PATIENCE).expect("a request to the proxy")
    }

    /// Whoever sends has ended, and asked nothing of it.
    fn unused(&self) {
        assert!(self.heads.try_recv().is_err(), "the proxy was used");
    }
}

fn serve(mut stream: &TcpStream, target: Option<u16>) -> std::io::Result<Vec<String>> {
    stream.set_read_timeout(Some(PATIENCE))?;
    // The client says nothing more before it is answered.
    let mut reader = BufReader::new(stream);
    let mut head = Vec::new();
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line)? == 0 || line.trim().is_empty() {
            break;
        }
        head.push(line.trim().to_owned());
    }
    let Some(target) = target else {
        stream.write_all(b"HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\n\r\n")?;
        return Ok(head);
    };
    let server = TcpStream::connect((HERE, target))?;
    stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n")?;
    let (client, to_client) = (stream.try_clone()?, stream.try_clone()?);
    let to_server = server.try_clone()?;
    for (mut from, mut to) in [(client, to_server), (server, to_client)] {
        std::thread::spawn(move || {
            let _ = std::io::copy(&mut from, &mut to);
            let _ = to.shutdown(Shutdown::Write);
        });
    }
    Ok(head)
}

/// A receiver and a proxy that leads to it.
fn both() -> (Receiver, Proxy) {
    let receiver = Receiver::here("200");
    let proxy = Proxy::new(Some(receiver.port as u16));
    (receiver, proxy)
}

fn configured() -> Result<(), Failed> {
    let (mut receiver, proxy) = both();
    let lines = format!("proxy = \"http://me:hush-hush@{HERE}:{}\"", proxy.port);
    let said = send("http://noc.example/hook", &lines, &[("HTTP_PROXY", "http://192.0.2.1:9"), ("NO_PROXY", "*")])?;
    assert!(said.contains("through a proxy") && said.contains("status 200"), "{said}");
    let head = proxy.head();
    // An http address, too, is reached by a tunnel: the proxy learns the name and the port alone.
    assert_eq!(head[0], "CONNECT noc.example:80 HTTP/1.1");
    let expected = format!("Proxy-Authorization: Basic {}", STANDARD.encode("me:hush-hush"));
    assert!(head.contains(&expected) && head.iter().all(|line| !line.contains("token")), "{head:?}");
    let request = receiver.next();
    assert!(request["request"].as_str().unwrap().starts_with("POST /hook?token="), "{request}");
    assert_eq!(request["headers"]["host"], "noc.example");
    assert!(request["headers"].get("proxy-authorization").is_none());
    Ok(())
}

fn environment() -> Result<(), Failed> {
    let (mut receiver, proxy) = both();
    let address = format!("http://{HERE}:{}", proxy.port);
    for variable in ["HTTP_PROXY", "http_proxy", "ALL_PROXY"] {
        let said =
            send("http://noc.example:8080/", "", &[(variable, &address), ("HTTPS_PROXY", "http://192.0.2.1:9")])?;
        assert!(said.contains("through the proxy of the environment"), "{said}");
        assert_eq!(proxy.head()[0], "CONNECT noc.example:8080 HTTP/1.1");
        receiver.next();
    }
    // That of the other scheme is none, and one that cannot be used is told.
    let direct = format!("http://{HERE}:{}/", receiver.port);
    send(&direct, "", &[("HTTPS_PROXY", &address)])?;
    receiver.next();
    proxy.unused();
    let said = send(&direct, "", &[("ALL_PROXY", "socks5://hush-hush@192.0.2.1")]).unwrap_err();
    assert!(said.contains("webhook[noc].proxy: ALL_PROXY in the environment is no address"), "{said}");
    Ok(())
}

fn none() -> Result<(), Failed> {
    let (mut receiver, proxy) = both();
    let address = format!("http://{HERE}:{}", proxy.port);
    let direct = format!("http://{HERE}:{}/", receiver.port);
    for (lines, without) in [("proxy = \"none\"", ""), ("", HERE), ("", "127.0.0.0/8"), ("", "*")] {
        let said = send(&direct, lines, &[("HTTP_PROXY", &address), ("NO_PROXY", without)])?;
        assert!(said.contains("through no proxy"), "{said}");
        receiver.next();
        proxy.unused();
    }
    Ok(())
}

fn refuses() -> Result<(), Failed> {
    let proxy = Proxy::new(None);
    let lines = format!("proxy = \"{HERE}:{}\"", proxy.port);
    let said = send("http://noc.example/", &lines, &[]).unwrap_err();
    assert!(said.contains("no connection through the proxy: ") && said.contains("403"), "{said}");
    assert_eq!(proxy.head()[0], "CONNECT noc.example:80 HTTP/1.1");
    Ok(())
}

fn tls() -> Result<(), Failed> {
    let authority = Authority::new();
    let receiver = authority.receiver("noc.example", 3000, false);
    let proxy = Proxy::new(Some(receiver.port));
    let lines = format!("{}proxy = \"http://{HERE}:{}\"", authority.lines(), proxy.port);
    send("https://noc.example/hook", &lines, &[])?;
    assert_eq!(proxy.head()[0], "CONNECT noc.example:443 HTTP/1.1");
    receiver.one();
    // Wherever the proxy leads, only the one that is meant is believed.
    let said = send("https://other.example/hook", &lines, &[]).unwrap_err();
    assert!(said.contains("not valid for name"), "{said}");
    receiver.none();
    Ok(())
}
