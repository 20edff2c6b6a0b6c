//! Labels from the paths under which a kubelet keeps logs, and the name of an app from that of its pod.

use std::path::Path;

/// `namespace`, `pod`, `container` and `app` for
/// `pods/<namespace>_<pod>_<uid>/<container>/<n>.log` and `containers/<pod>_<namespace>_<container>-<id>.log`; nothing
/// for other paths.
pub(super) fn labels(path: &Path) -> Vec<(&'static str, String)> {
    let Some((namespace, pod, container)) = of_pods(path).or_else(|| of_containers(path)) else { return Vec::new() };
    vec![
        ("namespace", namespace.to_owned()),
        ("pod", pod.to_owned()),
        ("container", container.to_owned()),
        ("app", app(pod).to_owned()),
    ]
}

fn of_pods(path: &Path) -> Option<(&str, &str, &str)> {
    let container = path.parent()?;
    let pod = container.parent()?;
    if pod.parent()?.file_name()? != "pods" {
        return None;
    }
    let mut names = pod.file_name()?.to_str()?.split('_');
    let (namespace, name, _uid) = (names.next()?, names.next()?, names.next()?);
    let whole = names.next().is_none() && !namespace.is_empty() && !name.is_empty();
    whole.then_some((namespace, name, container.file_name()?.to_str()?))
}

fn of_containers(path: &Path) -> Option<(&str, &str, &str)> {
    if path.parent()?.file_name()? != "containers" {
        return None;
    }
    let (pod, rest) = path.file_name()?.to_str()?.strip_suffix(".log")?.split_once('_')?;
    let (namespace, rest) = rest.split_once('_')?;
    let (container, id) = rest.rsplit_once('-')?;
    let is_id = id.len() == 64 && id.bytes().all(|b| b.is_ascii_hexdigit());
    (is_id && !pod.is_empty()).then_some((pod, namespace, container)).map(|(pod, ns, c)| (ns, pod, c))
}

/// The pod's name without what controllers append: `-<replica set>-<5>` (deployment), `-<minutes>-<5>` (cron job),
/// `-<5>` (daemon set, job), `-<ordinal>` (stateful set). Kubernetes makes random parts of consonants and digits only,
/// so that ordinary words are not mistaken for them.
pub(super) fn app(pod: &str) -> &str {
    let Some((owner, last)) = pod.rsplit_once('-').filter(|(owner, _)| !owner.is_empty()) else { return pod };
    if last.len() == 5 && is_random(last) {
        return match owner.rsplit_once('-') {
            Some((app, set)) if !app.is_empty() && is_set(set) => app,
            _ => owner,
        };
    }
    let ordinal = !last.is_empty() && last.len() <= 4 && last.bytes().all(|b| b.is_ascii_digit());
    if ordinal { owner } else { pod }
}

fn is_set(text: &str) -> bool {
    let minutes = text.len() >= 8 && text.bytes().all(|b| b.is_ascii_digit());
    minutes || ((6..=10).contains(&text.len()) && is_random(text))
}

fn is_random(text: &str) -> bool {
    text.bytes().all(|b| b"bcdfghjklmnpqrstvwxz2456789".contains(&b))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_app_is_its_pods_name_without_random_parts() {
        for (pod, expected) in [
            ("checkout-6d4cf56db6-x7k2p", "checkout"),
            ("cart-service-7f9c5b8d4f-2zq9t", "cart-service"),
            ("node-exporter-x7k2p", "node-exporter"),
            ("report-28401120-bz4fk", "report"),
            ("postgres-0", "postgres"),
            ("kube-apiserver-node-eins", "kube-apiserver-node-eins"),
            ("my-proxy-cache", "my-proxy-cache"),
            ("web", "web"),
            ("-0", "-0"),
        ] {
            assert_eq!(app(pod), expected);
        }
    }

    #[test]
    fn both_layouts_of_a_kubelet_give_the_same_labels() {
        let id = "ab".repeat(32);
        let one = labels(Path::new("/var/log/pods/shop_web-0_1b2c-3d/app/0.log"));
        let two = labels(&Path::new("/var/log/containers").join(format!("web-0_shop_app-{id}.log")));
        let expected = [("namespace", "shop"), ("pod", "web-0"), ("container", "app"), ("app", "web")];
        assert_eq!(one, expected.map(|(n, v)| (n, v.to_owned())));
        assert_eq!(one, two);
        assert_eq!(labels(Path::new("/var/log/shop_web-0_1b2c/app/0.log")), []);
        assert_eq!(labels(Path::new("/0.log")), []);
    }
}
