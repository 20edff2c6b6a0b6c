//! Targets by name: addresses (A, AAAA) as the system resolves them, and services, mail and name servers (SRV, MX, NS) from the
//! name servers of `/etc/resolv.conf`.

use super::config::{DnsKind, DnsSd};
use super::discover::Found;
use super::resolve::Resolver;
use simple_dns::TYPE;
use simple_dns::rdata::RData;
use std::collections::BTreeMap;

/// Which servers are asked.
#[derive(Clone, Debug, Default)]
pub(super) struct Dns {
    /// `None`: those that the system names at that moment.
    resolver: Option<Resolver>,
}

impl Dns {
    /// The targets of one name, with Prometheus' labels. A name that is not there has none.
    pub async fn targets(&self, name: &str, sd: &DnsSd) -> Result<Vec<Found>, String> {
        match sd.kind {
            DnsKind::A | DnsKind::Aaaa => addresses(name, sd).await,
            DnsKind::Srv => self.records(name, TYPE::SRV, sd).await,
            DnsKind::Mx => self.records(name, TYPE::MX, sd).await,
            DnsKind::Ns => self.records(name, TYPE::NS, sd).await,
        }
    }

    async fn records(&self, name: &str, kind: TYPE, sd: &DnsSd) -> Result<Vec<Found>, String> {
        let resolver = self.resolver.clone().map_or_else(Resolver::of_system, Ok).map_err(|error| error.to_string())?;
        let records = resolver.records(name, kind).await.map_err(|error| error.to_string())?;
        Ok(records.iter().filter_map(|record| target(name, record, sd.port)).collect())
    }
}

async fn addresses(name: &str, sd: &DnsSd) -> Result<Vec<Found>, String> {
    let found = tokio::net::lookup_host((name, sd.port)).await.map_err(|error| error.to_string())?;
    let wanted = found.filter(|address| address.is_ipv6() == (sd.kind == DnsKind::Aaaa));
    Ok(wanted.map(|address| (address.to_string(), labels(name, &[]))).collect())
}

/// Address and labels of a record. Labels have the name with its dot at the end, as Prometheus writes it.
fn target(name: &str, record: &RData<'_>, port: u16) -> Option<Found> {
    let told =
        |kind: &str, target: &simple_dns::Name<'_>| (format!("__meta_dns_{kind}_record_target"), format!("{target}."));
    Some(match record {
        RData::SRV(srv) => {
            let port = ("__meta_dns_srv_record_port".to_owned(), srv.port.to_string());
            (format!("{}:{}", srv.target, srv.port), labels(name, &[told("srv", &srv.target), port]))
        }
        RData::MX(mx) => (format!("{}:{port}", mx.exchange), labels(name, &[told("mx", &mx.exchange)])),
        RData::NS(ns) => (format!("{}:{port}", ns.0), labels(name, &[told("ns", &ns.0)])),
        _ => return None,
    })
}

fn labels(name: &str, told: &[(String, String)]) -> BTreeMap<String, String> {
    told.iter().cloned().chain([("__meta_dns_name".to_owned(), name.to_owned())]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use simple_dns::rdata::{MX, NS, SRV};
    use simple_dns::{CLASS, Name, Packet, PacketFlag, QTYPE, RCODE, ResourceRecord};
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::{TcpListener, UdpSocket};

    fn name(text: &str) -> Name<'_> {
        Name::new(text).unwrap()
    }

    /// What a name server that knows `shop.corp.test` answers.
    fn answer(question: &[u8], truncated: bool) -> Vec<u8> {
        let asked = Packet::parse(question).unwrap();
        let mut answer = Packet::new_reply(asked.id());
        let question = asked.questions[0].clone();
        let data = match question.qtype {
            QTYPE::TYPE(TYPE::SRV) => vec![
                RData::SRV(SRV { priority: 1, weight: 2, port: 9100, target: name("a.shop.test") }),
                RData::SRV(SRV { priority: 1, weight: 2, port: 9200, target: name("b.shop.test") }),
            ],
            QTYPE::TYPE(TYPE::MX) => vec![RData::MX(MX { preference: 10, exchange: name("mail.shop.test") })],
            _ => vec![RData::NS(NS(name("ns.shop.test")))],
        };
        if question.qname.to_string() != "shop.corp.test" {
            *answer.rcode_mut() = RCODE::NameError;
        } else if truncated {
            answer.set_flags(PacketFlag::TRUNCATION);
        } else {
            let record = |data| ResourceRecord::new(question.qname.clone(), CLASS::IN, 60, data);
            answer.answers = data.into_iter().map(record).collect();
        }
        answer.questions.push(question.clone());
        answer.build_bytes_vec().unwrap()
    }

    /// Answers over UDP, and over TCP when datagrams are `short`; goes on until the test ends.
    async fn server(short: bool) -> Dns {
        let stream = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let at = stream.local_addr().unwrap();
        let socket = UdpSocket::bind(at).await.unwrap();
        tokio::spawn(async move {
            let mut bytes = [0; 512];
            while let Ok((len, from)) = socket.recv_from(&mut bytes).await {
                socket.send_to(b"noise", from).await.unwrap();
                socket.send_to(&answer(&bytes[..len], short), from).await.unwrap();
            }
        });
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = stream.accept().await {
                let mut question = vec![0; stream.read_u16().await.unwrap().into()];
                stream.read_exact(&mut question).await.unwrap();
                let answer = answer(&question, false);
                stream.write_u16(answer.len() as u16).await.unwrap();
                stream.write_all(&answer).await.unwrap();
            }
        });
        Dns { resolver: Some(Resolver::of(at, &["other.test", "corp.test"])) }
    }

    fn asking(kind: DnsKind) -> DnsSd {
        DnsSd { kind, port: 25, ..DnsSd::default() }
    }

    #[tokio::test]
    async fn services_are_targets_with_the_ports_of_their_records() {
        for short in [false, true] {
            let found = server(short).await.targets("shop", &asking(DnsKind::Srv)).await.unwrap();
            let addresses: Vec<&str> = found.iter().map(|(address, _)| address.as_str()).collect();
            assert_eq!(addresses, ["a.shop.test:9100", "b.shop.test:9200"]);
            let labels: Vec<_> = found[0].1.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
            let expected = [
                ("__meta_dns_name", "shop"),
                ("__meta_dns_srv_record_port", "9100"),
                ("__meta_dns_srv_record_target", "a.shop.test."),
            ];
            assert_eq!(labels, expected);
        }
    }

    #[tokio::test]
    async fn mail_and_name_servers_are_targets_with_the_port_of_the_configuration() {
        let dns = server(false).await;
        for (kind, address, label) in [
            (DnsKind::Mx, "mail.shop.test:25", "__meta_dns_mx_record_target"),
            (DnsKind::Ns, "ns.shop.test:25", "__meta_dns_ns_record_target"),
        ] {
            let found = dns.targets("shop.corp.test.", &asking(kind)).await.unwrap();
            assert_eq!((found.len(), found[0].0.as_str()), (1, address));
            assert!(found[0].1.contains_key(label));
        }
    }

    #[tokio::test]
    async fn a_name_that_is_not_there_has_no_targets() {
        assert_eq!(server(false).await.targets("gone", &asking(DnsKind::Srv)).await, Ok(Vec::new()));
    }
}
