//! [`Resolver`]: records of names from the name servers of this machine (RFC 1035), as a stub resolver asks for them.
//!
//! Nothing is kept between questions: how long an answer counts is up to who asks. Start with [`Resolver::records`].

use resolv_conf::Config;
use simple_dns::rdata::RData;
use simple_dns::{CLASS, Name, Packet, PacketFlag, QCLASS, QTYPE, Question, RCODE, TYPE};
use std::hash::{BuildHasher, RandomState};
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpStream, UdpSocket};
use tokio::time::timeout;

const CONFIGURATION: &str = "/etc/resolv.conf";
/// The port of name servers.
const DOMAIN: u16 = 53;
/// Largest datagram without extensions (RFC 1035, 4.2.1); others are told to be cut off and are asked for again.
const DATAGRAM: usize = 512;

/// Why nobody could tell the records of a name.
#[derive(Debug, thiserror::Error)]
pub(super) enum ResolveError {
    #[error("{CONFIGURATION}: {0}")]
    Configuration(String),
    #[error("{0:?} is no name")]
    Name(String),
    #[error("name server {0}: {1}")]
    Server(SocketAddr, io::Error),
    #[error("name server {0} answers {1:?}")]
    Refused(SocketAddr, RCODE),
    #[error("{CONFIGURATION} names no server")]
    NoServer,
}

/// Which servers are asked, and how.
#[derive(Clone, Debug)]
pub(super) struct Resolver {
    servers: Vec<SocketAddr>,
    /// Domains that are tried behind names.
    search: Vec<String>,
    /// Names with so many dots are tried as they are first.
    dots: usize,
    timeout: Duration,
    attempts: u32,
}

impl Resolver {
    /// As `/etc/resolv.conf` says now.
    pub(super) fn of_system() -> Result<Self, ResolveError> {
        let wrong = |error: &dyn std::fmt::Display| ResolveError::Configuration(error.to_string());
        let text = std::fs::read(CONFIGURATION).map_err(|error| wrong(&error))?;
        let config = Config::parse(text).map_err(|error| wrong(&error))?;
        let servers = config.nameservers.iter().map(|server| SocketAddr::new(IpAddr::from(server), DOMAIN));
        Ok(Resolver {
            servers: servers.collect(),
            search: config.get_last_search_or_domain().cloned().collect(),
            dots: config.ndots as usize,
            timeout: Duration::from_secs(config.timeout.max(1).into()),
            attempts: config.attempts.max(1),
        })
    }

    /// One server, asked once.
    #[cfg(test)]
    pub(super) fn of(server: SocketAddr, search: &[&str]) -> Self {
        let search = search.iter().map(|domain| (*domain).to_owned()).collect();
        Resolver { servers: vec![server], search, dots: 1, timeout: Duration::from_secs(5), attempts: 1 }
    }

    /// The records of a type; none when there is no such name.
    pub(super) async fn records(&self, name: &str, kind: TYPE) -> Result<Vec<RData<'static>>, ResolveError> {
        for candidate in self.candidates(name) {
            let found = self.ask_all(&candidate, kind).await?;
            if !found.is_empty() {
                return Ok(found);
            }
        }
        Ok(Vec::new())
    }

    /// The names to try in turn, as resolv.conf(5) says of `search` and `ndots`.
    fn candidates(&self, name: &str) -> Vec<String> {
        if let Some(absolute) = name.strip_suffix('.') {
            return vec![absolute.to_owned()];
        }
        let mut names: Vec<String> =
            self.search.iter().map(|domain| format!("{name}.{}", domain.trim_matches('.'))).collect();
        let at = if name.matches('.').count() >= self.dots { 0 } else { names.len() };
        names.insert(at, name.to_owned());
        names
    }

    async fn ask_all(&self, name: &str, kind: TYPE) -> Result<Vec<RData<'static>>, ResolveError> {
        let mut last = ResolveError::NoServer;
        for _ in 0..self.attempts {
            for server in &self.servers {
                match self.ask(*server, name, kind).await {
                    Ok(records) => return Ok(records),
                    Err(error) => last = error,
                }
            }
        }
        Err(last)
    }

    async fn ask(&self, server: SocketAddr, name: &str, kind: TYPE) -> Result<Vec<RData<'static>>, ResolveError> {
        let id = RandomState::new().hash_one(name) as u16;
        let question = question(id, name, kind).map_err(|_| ResolveError::Name(name.to_owned()))?;
        let failed = |error| ResolveError::Server(server, error);
        let late = |_| ResolveError::Server(server, io::ErrorKind::TimedOut.into());
        let bytes = timeout(self.timeout, by_datagram(server, &question)).await.map_err(late)?.map_err(failed)?;
        let bytes = if is_cut_off(&bytes) {
            timeout(self.timeout, by_stream(server, &question)).await.map_err(late)?.map_err(failed)?
        } else {
            bytes
        };
        let strange = |what: &str| failed(io::Error::new(io::ErrorKind::InvalidData, what));
        let answer = Packet::parse(&bytes).map_err(|_| strange("an answer that cannot be read"))?;
        match answer.rcode() {
            RCODE::NoError | RCODE::NameError => {}
            refused => return Err(ResolveError::Refused(server, refused)),
        }
        let wanted = answer.answers.into_iter().filter(|record| record.match_qtype(QTYPE::TYPE(kind)));
        Ok(wanted.map(|record| record.rdata.into_owned()).collect())
    }
}

fn question(id: u16, name: &str, kind: TYPE) -> Result<Vec<u8>, simple_dns::SimpleDnsError> {
    let mut packet = Packet::new_query(id);
    packet.set_flags(PacketFlag::RECURSION_DESIRED);
    packet.questions.push(Question::new(Name::new(name)?, QTYPE::TYPE(kind), QCLASS::CLASS(CLASS::IN), false));
    packet.build_bytes_vec()
}

/// Whether these bytes answer the question: the same id, and the question repeated.
fn answers(bytes: &[u8], question: &[u8]) -> bool {
    let (Ok(answer), Ok(asked)) = (Packet::parse(bytes), Packet::parse(question)) else { return false };
    let same = |(one, other): (&Question<'_>, &Question<'_>)| {
        one.qname.to_string().eq_ignore_ascii_case(&other.qname.to_string()) && one.qtype == other.qtype
    };
    answer.id() == asked.id() && answer.questions.iter().zip(&asked.questions).all(same)
}

fn is_cut_off(bytes: &[u8]) -> bool {
    Packet::parse(bytes).is_ok_and(|answer| answer.has_flags(PacketFlag::TRUNCATION))
}

async fn by_datagram(server: SocketAddr, question: &[u8]) -> io::Result<Vec<u8>> {
    let own = if server.is_ipv4() { IpAddr::V4(Ipv4Addr::UNSPECIFIED) } else { IpAddr::V6(Ipv6Addr::UNSPECIFIED) };
    let socket = UdpSocket::bind((own, 0)).await?;
    // From here on only datagrams of the server come in.
    socket.connect(server).await?;
    socket.send(question).await?;
    let mut bytes = vec![0; DATAGRAM];
    loop {
        let len = socket.recv(&mut bytes).await?;
        if answers(&bytes[..len], question) {
            bytes.truncate(len);
            return Ok(bytes);
        }
    }
}

/// Messages stand behind their length (RFC 1035, 4.2.2).
async fn by_stream(server: SocketAddr, question: &[u8]) -> io::Result<Vec<u8>> {
    let mut stream = TcpStream::connect(server).await?;
    let length = u16::try_from(question.len()).map_err(io::Error::other)?;
    stream.write_all(&[&length.to_be_bytes(), question].concat()).await?;
    let mut bytes = vec![0; stream.read_u16().await?.into()];
    stream.read_exact(&mut bytes).await?;
    if answers(&bytes, question) { Ok(bytes) } else { Err(io::Error::other("an answer to another question")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_names_are_tried_with_the_search_domains_first() {
        let resolver = Resolver::of("127.0.0.1:53".parse().unwrap(), &["corp.test", "test"]);
        assert_eq!(resolver.candidates("shop"), ["shop.corp.test", "shop.test", "shop"]);
        assert_eq!(resolver.candidates("shop.x"), ["shop.x", "shop.x.corp.test", "shop.x.test"]);
        assert_eq!(resolver.candidates("shop."), ["shop"]);
    }
}
