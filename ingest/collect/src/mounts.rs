//! [`Mount`]: what is mounted where (fstab(5), proc_pid_mounts(5)).

use crate::error::CollectError;
use crate::roots::{Roots, text};

/// One line of `/proc/PID/mounts`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Mount {
    pub device: String,
    /// As the machine sees it.
    pub point: String,
    pub kind: String,
    pub read_only: bool,
}

/// What the first process sees, which is the machine; what this one sees when it may not know that.
pub(crate) fn mounts(roots: &Roots) -> Result<Vec<Mount>, CollectError> {
    let text = text(&roots.proc("1/mounts")).or_else(|_| text(&roots.proc("mounts")))?;
    Ok(text.lines().filter_map(parse).collect())
}

fn parse(line: &str) -> Option<Mount> {
    let mut fields = line.split(' ');
    let (device, point, kind, options) = (fields.next()?, fields.next()?, fields.next()?, fields.next()?);
    let read_only = options.split(',').any(|option| option == "ro");
    Some(Mount { device: unescaped(device), point: unescaped(point), kind: kind.to_owned(), read_only })
}

/// `\040` is a blank: the kernel writes blanks, tabs, newlines and backslashes as octal numbers.
fn unescaped(field: &str) -> String {
    let mut plain = Vec::with_capacity(field.len());
    let mut rest = field.as_bytes();
    while let Some((first, tail)) = rest.split_first() {
        let code = match (first, tail) {
            (b'\\', [a @ b'0'..=b'3', b @ b'0'..=b'7', c @ b'0'..=b'7', ..]) => {
                Some((a - b'0') * 64 + (b - b'0') * 8 + (c - b'0'))
            }
            _ => None,
        };
        plain.push(code.unwrap_or(*first));
        rest = if code.is_some() { &tail[3..] } else { tail };
    }
    String::from_utf8_lossy(&plain).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blanks_in_names_come_back() {
        let mount = parse(r"//srv/a\040b /mnt/x\134y\040z cifs rw,relatime,errors=remount-ro 0 0").unwrap();
        assert_eq!((mount.device.as_str(), mount.point.as_str()), ("//srv/a b", r"/mnt/x\y z"));
        assert!(!mount.read_only, "of the options only a whole one counts");
        assert!(parse("tmpfs /x tmpfs ro,nosuid 0 0").unwrap().read_only);
        assert_eq!(unescaped(r"a\04"), r"a\04");
    }
}
