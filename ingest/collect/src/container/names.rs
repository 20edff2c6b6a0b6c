//! [`Names`]: what containers are called, from files that engines leave.
//!
//! A kubelet links `/var/log/containers/POD_NAMESPACE_CONTAINER-ID.log` and makes `/var/log/pods/NAMESPACE_POD_UID`;
//! Docker keeps `/var/lib/docker/containers/ID/config.v2.json`.

use super::identity::Identity;
use crate::roots::{Roots, entries, text};
use parking_lot::Mutex;
use std::collections::{BTreeMap, BTreeSet};

/// Empty where nobody tells.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Name {
    pub name: String,
    pub image: String,
    pub container: String,
    pub pod: String,
    pub namespace: String,
}

/// Names of the containers and pods that run.
#[derive(Debug, Default)]
pub(super) struct Names(Mutex<Known>);

#[derive(Debug, Default)]
struct Known {
    containers: BTreeMap<String, Name>,
    /// By UID.
    pods: BTreeMap<String, Name>,
}

impl Names {
    /// Learns names that are not known yet, and forgets those of what is gone.
    pub fn refresh(&self, roots: &Roots, seen: &[Identity]) {
        let containers: BTreeSet<&String> = seen.iter().filter_map(|identity| identity.container.as_ref()).collect();
        let pods: BTreeSet<&String> = seen.iter().filter_map(|identity| identity.pod.as_ref()).collect();
        let mut known = self.0.lock();
        known.containers.retain(|id, _| containers.contains(id));
        known.pods.retain(|uid, _| pods.contains(uid));
        if pods.iter().any(|uid| !known.pods.contains_key(*uid)) {
            known.pods.extend(pods_of(roots).filter(|(uid, _)| pods.contains(uid)));
        }
        let new: Vec<&&String> = containers.iter().filter(|id| !known.containers.contains_key(**id)).collect();
        if !new.is_empty() {
            let kubelet: BTreeMap<String, Name> = containers_of_kubelet(roots).collect();
            let name = |id: &String| kubelet.get(id).cloned().or_else(|| docker(roots, id)).unwrap_or_default();
            let named: Vec<(String, Name)> = new.iter().map(|id| ((**id).clone(), name(id))).collect();
            // Files may come a moment after the container: who has no name yet is asked for again.
            known.containers.extend(named.into_iter().filter(|(_, name)| *name != Name::default()));
        }
    }

    /// What is known of a container, or else of its pod.
    pub fn of(&self, identity: &Identity) -> Name {
        let known = self.0.lock();
        let pod = identity.pod.as_ref().and_then(|uid| known.pods.get(uid));
        let container = identity.container.as_ref().and_then(|id| known.containers.get(id));
        container.or(pod).cloned().unwrap_or_default()
    }
}

/// `NAMESPACE_POD_UID`: none of the three can hold `_`.
fn pods_of(roots: &Roots) -> impl Iterator<Item = (String, Name)> {
    let names = entries(&roots.rootfs("var/log/pods")).unwrap_or_default();
    names.into_iter().filter_map(|name| {
        let mut parts = name.split('_').map(str::to_owned);
        let (namespace, pod, uid) = (parts.next()?, parts.next()?, parts.next()?);
        Some((uid, Name { namespace, pod, ..Name::default() }))
    })
}

/// `POD_NAMESPACE_CONTAINER-ID.log`.
fn containers_of_kubelet(roots: &Roots) -> impl Iterator<Item = (String, Name)> {
    let names = entries(&roots.rootfs("var/log/containers")).unwrap_or_default();
    names.into_iter().filter_map(|name| {
        let (name, id) = name.strip_suffix(".log")?.rsplit_once('-')?;
        let mut parts = name.split('_').map(str::to_owned);
        let (pod, namespace, container) = (parts.next()?, parts.next()?, parts.next()?);
        Some((id.to_owned(), Name { pod, namespace, container, ..Name::default() }))
    })
}

fn docker(roots: &Roots, id: &str) -> Option<Name> {
    let text = text(&roots.rootfs("var/lib/docker/containers").join(id).join("config.v2.json")).ok()?;
    let config: serde_json::Value = serde_json::from_str(&text).ok()?;
    let field = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
    let label = |name: &str| field(&config["Config"]["Labels"][name]);
    Some(Name {
        name: field(&config["Name"]).trim_start_matches('/').to_owned(),
        image: field(&config["Config"]["Image"]),
        container: label("io.kubernetes.container.name"),
        pod: label("io.kubernetes.pod.name"),
        namespace: label("io.kubernetes.pod.namespace"),
    })
}
