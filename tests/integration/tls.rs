//! Webhooks over TLS: who is believed, and who is not. The receiver is real, and its certificates are made here.

use std::error::Error;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};

use libtest_mimic::Failed;
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, date_time_ymd,
};
use rustls::crypto::ring::default_provider;
use rustls::pki_types::{CertificateDer, PrivatePkcs8KeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig, ServerConnection, StreamOwned};

use crate::namespace::{PATIENCE, PROGRAM};

/// The tests of this room.
pub const TESTS: &[crate::Test] = &[
    ("an_authority_that_is_configured_is_believed", believed),
    ("no_other_authority_is_believed", other_authority),
    ("the_platform_believes_no_stranger", stranger),
    ("a_certificate_must_have_the_addresss_name", other_name),
    ("an_expired_certificate_is_refused", expired),
    ("an_own_certificate_is_shown_where_it_is_asked_for", client),
];

/// What the certificate is for when it is for the receiver that is asked.
pub const HERE: &str = "127.0.0.1";
/// Stands in the address, a header and the secret: nothing may show it.
const HUSH: &str = "hush-hush";

/// An authority and a directory for what it signs, which goes with its test.
pub struct Authority {
    issuer: Issuer<'static, KeyPair>,
    certificate: CertificateDer<'static>,
    directory: PathBuf,
}

/// A certificate and its key, DER.
type Identity = (CertificateDer<'static>, PrivatePkcs8KeyDer<'static>);

impl Authority {
    /// Makes one; its own certificate is in the file `ca.pem`.
    pub fn new() -> Authority {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let name = format!("linkhook-tls-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let directory = std::env::temp_dir().join(&name);
        std::fs::create_dir_all(&directory).unwrap();
        let mut parameters = CertificateParams::default();
        // Each has its name: two of one name are told apart by their signatures alone.
        parameters.distinguished_name.push(DnType::CommonName, name.as_str());
        parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        let certificate = parameters.self_signed(&key).unwrap();
        std::fs::write(directory.join("ca.pem"), certificate.pem()).unwrap();
        Authority { issuer: Issuer::new(parameters, key), certificate: certificate.der().clone(), directory }
    }

    /// Signs a certificate for a name or an address; `until` is a year.
    fn sign(&self, name: &str, until: i32) -> (rcgen::Certificate, KeyPair) {
        let mut parameters = CertificateParams::new([name.to_owned()]).unwrap();
        parameters.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
        (parameters.not_before, parameters.not_after) = (date_time_ymd(2000, 1, 1), date_time_ymd(until, 1, 1));
        let key = KeyPair::generate().unwrap();
        (parameters.signed_by(&key, &self.issuer).unwrap(), key)
    }

    fn identity(&self, name: &str, until: i32) -> Identity {
        let (certificate, key) = self.sign(name, until);
        (certificate.der().clone(), key.serialize_der().into())
    }

    /// A receiver with a certificate for that name; it asks for a certificate that this one has signed, if so.
    pub fn receiver(&self, name: &str, until: i32, asks: bool) -> TlsReceiver {
        let builder = ServerConfig::builder_with_provider(default_provider().into());
        let builder = builder.with_safe_default_protocol_versions().unwrap();
        let builder = if asks {
            let mut roots = RootCertStore::empty();
            roots.add(self.certificate.clone()).unwrap();
            let verifier = WebPkiClientVerifier::builder_with_provider(roots.into(), default_provider().into());
            builder.with_client_cert_verifier(verifier.build().unwrap())
        } else {
            builder.with_no_client_auth()
        };
        let (certificate, key) = self.identity(name, until);
        TlsReceiver::start(Arc::new(builder.with_single_cert(vec![certificate], key.into()).unwrap()))
    }

    fn path(&self, name: &str) -> String {
        self.directory.join(name).display().to_string()
    }

    /// The lines of a webhook that believes this authority alone.
    pub fn lines(&self) -> String {
        format!("tls.ca = \"{}\"\n", self.path("ca.pem"))
    }
}

impl Drop for Authority {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.directory);
    }
}

/// What a receiver was asked.
pub struct Request {
    /// The first line.
    pub line: String,
    /// Whether a certificate was shown.
    pub certificate: bool,
}

/// A receiver that takes everything, in threads of this process.
pub struct TlsReceiver {
    /// Where it listens on loopback.
    pub port: u16,
    requests: Receiver<Request>,
}

impl TlsReceiver {
    fn start(config: Arc<ServerConfig>) -> TlsReceiver {
        let listener = TcpListener::bind((HERE, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let (sender, requests) = channel();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (config, sender) = (config.clone(), sender.clone());
                std::thread::spawn(move || {
                    let _ = serve(stream, config, &sender);
                });
            }
        });
        TlsReceiver { port, requests }
    }

    /// The one request that came.
    pub fn one(&self) -> Request {
        let request = self.requests.recv_timeout(PATIENCE).expect("a request");
        self.none();
        request
    }

    /// Whoever sends has ended, and nothing came. A request is known before it is answered.
    pub fn none(&self) {
        assert!(self.requests.try_recv().is_err(), "a request came");
    }
}

/// Takes one request, which is an error where there is none.
fn serve(stream: TcpStream, config: Arc<ServerConfig>, sender: &Sender<Request>) -> Result<(), Box<dyn Error>> {
    stream.set_read_timeout(Some(PATIENCE))?;
    let mut stream = StreamOwned::new(ServerConnection::new(config)?, stream);
    let taken = take(&mut stream, sender);
    if taken.is_err() {
        // What it was told about that must arrive: closed with something unread, the connection would be reset.
        stream.sock.shutdown(Shutdown::Write)?;
        std::io::copy(&mut stream.sock, &mut std::io::sink())?;
    }
    taken
}

fn take(stream: &mut StreamOwned<ServerConnection, TcpStream>, sender: &Sender<Request>) -> Result<(), Box<dyn Error>> {
    let mut reader = BufReader::new(&mut *stream);
    let (mut line, mut length) = (String::new(), 0);
    reader.read_line(&mut line)?;
    loop {
        let mut header = String::new();
        reader.read_line(&mut header)?;
        match header.trim().split_once(": ") {
            Some((name, value)) if name.eq_ignore_ascii_case("content-length") => length = value.parse()?,
            Some(_) => {}
            None => break,
        }
    }
    reader.read_exact(&mut vec![0; length])?;
    let certificate = stream.conn.peer_certificates().is_some();
    sender.send(Request { line: line.trim().to_owned(), certificate })?;
    stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")?;
    stream.conn.send_close_notify();
    stream.flush()?;
    Ok(())
}

/// Sends a test event to the address with those lines and variables, and gives back what was said, if it was taken.
/// Nothing secret may be in it, however much is asked for.
pub fn send(url: &str, lines: &str, variables: &[(&str, &str)]) -> Result<String, String> {
    let configuration = crate::deliver::Configuration::new(&format!(
        "[[webhook]]\nname = \"noc\"\nurl = \"{url}?token={HUSH}\"\nsecret = \"{HUSH}\"\ntimeout = \"15s\"\n\
         headers = {{ Authorization = \"{HUSH}\" }}\n{lines}"
    ));
    let mut command = Command::new(PROGRAM);
    command.args(["check", configuration.path(), "--send", "-vvv"]).env_clear().envs(variables.iter().copied());
    let output = command.stdin(Stdio::null()).output().expect("linkhook");
    let said = [output.stdout, output.stderr].map(|text| String::from_utf8_lossy(&text).into_owned()).concat();
    assert!(!said.contains(HUSH), "{said}");
    if output.status.success() { Ok(said) } else { Err(said) }
}

fn here(receiver: &TlsReceiver) -> String {
    format!("https://{HERE}:{}/hook", receiver.port)
}

/// It is refused, with those words, and nothing was sent.
fn refused(receiver: &TlsReceiver, lines: &str, told: &str) {
    let said = send(&here(receiver), lines, &[]).expect_err("it was taken");
    assert!(said.contains(told), "expected {told}\nfound {said}");
    receiver.none();
}

fn believed() -> Result<(), Failed> {
    let authority = Authority::new();
    let receiver = authority.receiver(HERE, 3000, false);
    let said = send(&here(&receiver), &authority.lines(), &[])?;
    assert!(said.contains("sent to noc: status 200"), "{said}");
    let request = receiver.one();
    assert!(request.line.starts_with("POST /hook?token=") && !request.certificate);
    Ok(())
}

fn other_authority() -> Result<(), Failed> {
    let (authority, other) = (Authority::new(), Authority::new());
    refused(&authority.receiver(HERE, 3000, false), &other.lines(), "invalid peer certificate: UnknownIssuer");
    Ok(())
}

fn stranger() -> Result<(), Failed> {
    let authority = Authority::new();
    refused(&authority.receiver(HERE, 3000, false), "", "invalid peer certificate: UnknownIssuer");
    Ok(())
}

fn other_name() -> Result<(), Failed> {
    let authority = Authority::new();
    for name in ["127.0.0.2", "noc.example"] {
        refused(&authority.receiver(name, 3000, false), &authority.lines(), "not valid for name");
    }
    Ok(())
}

fn expired() -> Result<(), Failed> {
    let authority = Authority::new();
    refused(&authority.receiver(HERE, 2020, false), &authority.lines(), "certificate expired");
    Ok(())
}

fn client() -> Result<(), Failed> {
    let (authority, other) = (Authority::new(), Authority::new());
    let receiver = authority.receiver(HERE, 3000, true);
    refused(&receiver, &authority.lines(), "CertificateRequired");
    for (signer, good) in [(&other, false), (&authority, true)] {
        let (certificate, key) = signer.sign("client.example", 3000);
        std::fs::write(signer.directory.join("client.pem"), certificate.pem())?;
        std::fs::write(signer.directory.join("client.key"), key.serialize_pem())?;
        let (certificate, key) = (signer.path("client.pem"), signer.path("client.key"));
        let lines = format!("{}tls.cert = \"{certificate}\"\ntls.key = \"{key}\"\n", authority.lines());
        if good {
            send(&here(&receiver), &lines, &[])?;
            assert!(receiver.one().certificate);
        } else {
            refused(&receiver, &lines, "received fatal alert");
        }
    }
    Ok(())
}
