//! [`Identity`]: what the path of a group says of whom it is.

/// Prefixes that engines put before a container's id when systemd keeps the groups.
const ENGINES: [&str; 5] = ["docker-", "cri-containerd-", "crio-", "libpod-", "containerd-"];

/// All empty for a group that is no container's.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Identity {
    /// 64 hexadecimal digits.
    pub container: Option<String>,
    /// The UID of a pod.
    pub pod: Option<String>,
}

impl Identity {
    /// From paths such as `/docker/ID`, `/kubepods/burstable/podUID/ID`, `/system.slice/docker-ID.scope` and
    /// `/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-podUID.slice/cri-containerd-ID.scope`. Groups that a
    /// container makes for itself are part of it, and have no name of their own.
    pub fn of_path(id: &str) -> Self {
        let last = id.rsplit('/').next().unwrap_or_default();
        let pod = id.split('/').find_map(pod_uid);
        Identity { container: container(last), pod }
    }

    /// Whether interfaces are told here: containers of a pod share those of the pod, which would be counted twice.
    pub fn owns_network(&self, id: &str) -> bool {
        let is_pod = || id.rsplit('/').next().is_some_and(|last| pod_uid(last).is_some());
        id == "/" || (self.container.is_some() && self.pod.is_none()) || is_pod()
    }
}

fn container(component: &str) -> Option<String> {
    let name = component.strip_suffix(".scope").unwrap_or(component);
    let id = ENGINES.iter().find_map(|engine| name.strip_prefix(engine)).unwrap_or(name);
    let is_id = id.len() == 64 && id.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_id.then(|| id.to_owned())
}

fn pod_uid(component: &str) -> Option<String> {
    let name = component.strip_suffix(".slice").unwrap_or(component);
    let uid = match name.rsplit_once("-pod") {
        Some((before, uid)) if before.starts_with("kubepods") => uid,
        _ => name.strip_prefix("pod")?,
    };
    // systemd has no dash but to say what lies in what.
    let uid = uid.replace('_', "-");
    let legal = uid.len() >= 32 && uid.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-');
    legal.then_some(uid)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const UID: &str = "0f3c2b1a-1111-2222-3333-444455556666";

    #[test]
    fn paths_of_all_engines_and_drivers_are_known() {
        let id = "0123456789abcdef".repeat(4);
        let uid = UID.replace('-', "_");
        let container_of_pod = [
            format!("/kubepods/burstable/pod{UID}/{id}"),
            format!(
                "/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod{uid}.slice/cri-containerd-{id}.scope"
            ),
            format!("/kubepods.slice/kubepods-pod{uid}.slice/crio-{id}.scope"),
        ];
        for path in container_of_pod {
            let found = Identity::of_path(&path);
            assert_eq!(found, Identity { container: Some(id.clone()), pod: Some(UID.to_owned()) }, "{path}");
            assert!(!found.owns_network(&path), "{path}");
        }
        for path in [
            format!("/docker/{id}"),
            format!("/system.slice/docker-{id}.scope"),
            format!("/machine.slice/libpod-{id}.scope"),
        ] {
            let found = Identity::of_path(&path);
            assert_eq!(found, Identity { container: Some(id.clone()), pod: None }, "{path}");
            assert!(found.owns_network(&path));
        }
        let pod = format!("/kubepods/pod{UID}");
        assert!(Identity::of_path(&pod).owns_network(&pod));
        for path in ["/", "/system.slice/ssh.service", "/kubepods", "/podium", &format!("/docker/{id}/init.scope")] {
            let found = Identity::of_path(path);
            assert_eq!((found.container, found.pod), (None, None), "{path}");
        }
    }

    proptest! {
        #[test]
        fn no_path_makes_it_panic(path in "[/a-fpod._-]{0,120}") {
            let _ = Identity::of_path(&path).owns_network(&path);
        }
    }
}
