//! How alerts, silences and the notification log are kept in the `MetaStore`: docs/format/alerts.md.

use crate::alert::{Alert, Fingerprint, PostedAlert};
use crate::core::{Core, Forgotten, LogKey};
use crate::nflog::Entry;
use crate::silence::{NewSilence, Silence};
use gantry_meta::Op;
use gantry_model::{LabelSet, TenantId, Timestamp};
use serde::{Deserialize, Serialize};

pub const PREFIX: &str = "alertmanager/";

#[derive(Serialize, Deserialize)]
struct KeptAlert {
    alert: PostedAlert,
    /// Nanoseconds since 1970.
    updated: i64,
    timeout: bool,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    source: String,
}

#[derive(Serialize, Deserialize)]
struct KeptSilence {
    silence: NewSilence,
    /// Nanoseconds since 1970.
    updated: i64,
}

#[derive(Serialize, Deserialize)]
struct KeptEntry {
    key: LogKey,
    entry: Entry,
}

fn json(what: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(what).expect("texts, numbers and lists of them can be JSON")
}

fn alert_key(tenant: &TenantId, print: Fingerprint) -> String {
    format!("{PREFIX}{tenant}/alert/{print}")
}

fn silence_key(tenant: &TenantId, id: &str) -> String {
    format!("{PREFIX}{tenant}/silence/{id}")
}

fn log_key(tenant: &TenantId, key: &LogKey) -> String {
    let names = LabelSet::from_pairs([("group", &key.0), ("receiver", &key.1), ("integration", &key.2)]);
    format!("{PREFIX}{tenant}/log/{:032x}", names.stream_id().0)
}

pub fn alert(tenant: &TenantId, alert: &Alert) -> Op {
    let posted = PostedAlert {
        labels: alert.labels.iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect(),
        annotations: alert.annotations.clone(),
        starts_at: Some(alert.starts),
        ends_at: Some(alert.ends),
        generator_url: alert.generator_url.clone(),
    };
    let (updated, source) = (alert.updated.nanos(), alert.source.clone());
    let kept = KeptAlert { alert: posted, updated, timeout: alert.timeout, source };
    Op::put(alert_key(tenant, alert.fingerprint()), json(&kept))
}

pub fn silence(tenant: &TenantId, silence: &Silence) -> Op {
    let kept = KeptSilence { silence: silence.as_new(), updated: silence.updated.nanos() };
    Op::put(silence_key(tenant, &silence.id), json(&kept))
}

pub fn entry(tenant: &TenantId, key: &LogKey, entry: &Entry) -> Op {
    Op::put(log_key(tenant, key), json(&KeptEntry { key: key.clone(), entry: entry.clone() }))
}

pub fn forgotten(tenant: &TenantId, forgotten: &Forgotten) -> Vec<Op> {
    let alerts = forgotten.alerts.iter().map(|print| alert_key(tenant, *print));
    let silences = forgotten.silences.iter().map(|id| silence_key(tenant, id));
    let log = forgotten.log.iter().map(|key| log_key(tenant, key));
    alerts.chain(silences).chain(log).map(Op::delete).collect()
}

/// The tenant of a key, and what kind of thing it names.
pub fn place(key: &str) -> Option<(TenantId, &str)> {
    let mut parts = key.strip_prefix(PREFIX)?.split('/');
    Some((TenantId::new(parts.next()?).ok()?, parts.next()?))
}

/// Takes back what was kept. `None`: it is not what is written here.
pub fn restore(core: &mut Core, kind: &str, value: &[u8]) -> Option<()> {
    match kind {
        "alert" => {
            let kept: KeptAlert = serde_json::from_slice(value).ok()?;
            let updated = Timestamp::from_nanos(kept.updated);
            let alert = kept.alert.taken(updated, 0).ok()?;
            core.restore_alert(Alert { timeout: kept.timeout, source: kept.source, ..alert });
        }
        "silence" => {
            let kept: KeptSilence = serde_json::from_slice(value).ok()?;
            let updated = Timestamp::from_nanos(kept.updated);
            // Judged as of its start, since it may be over.
            let silence = kept.silence.clone().taken(kept.silence.starts_at?).ok()?;
            core.restore_silence(Silence { updated, ..silence });
        }
        "log" => {
            let kept: KeptEntry = serde_json::from_slice(value).ok()?;
            core.restore_log(kept.key, kept.entry);
        }
        _ => return None,
    }
    Some(())
}
