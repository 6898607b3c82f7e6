//! Names: what a case calls its connections and descriptors, and what the manual calls errors, bits and calls.
use std::collections::BTreeMap;
use std::os::fd::{OwnedFd, RawFd};
use std::sync::{Arc, PoisonError, RwLock};

use indexmap::IndexMap;

use super::failure::Failure;
use crate::case::EpollFlag;
use crate::recording::Named;

/// A connection or a descriptor of the script.
#[derive(Debug)]
pub struct Object {
    /// What it is, for the report.
    pub named: Named,
    /// The descriptor's number, which a case may go on using after it was closed.
    pub fd: RawFd,
    /// The open descriptor.
    pub open: Option<OwnedFd>,
}

/// All names, in the order in which they came.
#[derive(Debug, Default)]
pub struct Names {
    objects: IndexMap<String, Vec<Object>>,
    labels: Labels,
}

impl Names {
    /// Gives one more object this name, and says where it is.
    pub fn add(&mut self, name: &str, object: Object) -> Place {
        let entry = self.objects.entry(name.to_owned());
        let at = entry.index();
        let list = entry.or_default();
        let mut labels = self.labels.0.write().unwrap_or_else(PoisonError::into_inner);
        if let [first] = &list[..] {
            labels.insert(first.fd, format!("{name}[0]"));
        }
        labels.insert(object.fd, if list.is_empty() { name.to_owned() } else { format!("{name}[{}]", list.len()) });
        list.push(object);
        Place(at, list.len() - 1)
    }

    /// How many there are of this name.
    pub fn count(&self, name: &str) -> usize {
        self.objects.get(name).map_or(0, Vec::len)
    }

    /// Where all objects are that a reference stands for: `idle` for every one, `idle[3]` for one.
    pub fn find(&self, reference: &str) -> Result<Vec<Place>, Failure> {
        let (name, index) = split(reference);
        let unknown = || {
            let known: Vec<_> = self.objects.keys().map(|name| format!("`{name}`")).collect();
            let known = if known.is_empty() { "nothing".to_owned() } else { known.join(", ") };
            Failure::Broken(format!("nothing is called `{reference}` here; there is {known}"))
        };
        let list = self.objects.get(name).ok_or_else(unknown)?;
        let at = self.objects.get_index_of(name).ok_or_else(unknown)?;
        match index {
            None => Ok((0..list.len()).map(|index| Place(at, index)).collect()),
            Some(index) if index < list.len() => Ok(vec![Place(at, index)]),
            Some(_) => Err(Failure::Broken(format!("there is no `{reference}`: `{name}` stands for {}", list.len()))),
        }
    }

    /// The only object of a reference.
    pub fn one(&self, reference: &str) -> Result<Place, Failure> {
        match self.find(reference)?[..] {
            [place] => Ok(place),
            ref all => Err(Failure::Broken(format!(
                "`{reference}` stands for {}: say which, as in `{reference}[0]`",
                all.len()
            ))),
        }
    }

    /// The object at a place.
    pub fn at(&mut self, Place(name, index): Place) -> &mut Object {
        &mut self.objects[name][index]
    }

    /// The number of the descriptor at a place.
    pub fn fd(&self, Place(name, index): Place) -> RawFd {
        self.objects[name][index].fd
    }

    /// What the object at a place stands for in recordings.
    pub fn named(&self, Place(name, index): Place) -> Named {
        self.objects[name][index].named.clone()
    }

    /// What ports a socket has been given since it was made; those of its peer only if they are known.
    pub fn tell_ports(&mut self, place: Place, own: u16, peer: Option<u16>) {
        if let Named::Descriptor { local, remote, .. } = &mut self.at(place).named {
            *local = own;
            *remote = peer.unwrap_or(*remote);
        }
    }

    /// What the object at a place is called: with its index only if the name stands for several.
    pub fn label(&self, Place(at, index): Place) -> String {
        match self.objects.get_index(at) {
            Some((name, list)) if list.len() > 1 => format!("{name}[{index}]"),
            Some((name, _)) => name.clone(),
            None => String::new(),
        }
    }

    /// The names by descriptor number, for threads to use.
    pub fn labels(&self) -> Labels {
        self.labels.clone()
    }

    /// Whether an object of the script or a connection has this number and is open.
    pub fn is_open(&self, fd: RawFd) -> bool {
        self.objects.values().flatten().any(|object| object.fd == fd && object.open.is_some())
    }

    /// Forgets that whatever had this number was open, because the number has been given to another file.
    pub fn replaced(&mut self, fd: RawFd) {
        for object in self.objects.values_mut().flatten().filter(|object| object.fd == fd) {
            // The descriptor of that number belongs to the newcomer now.
            let _ = object.open.take().map(std::os::fd::IntoRawFd::into_raw_fd);
        }
    }

    /// For the report.
    pub fn report(&self) -> IndexMap<String, Vec<Named>> {
        let named = |list: &Vec<Object>| list.iter().map(|object| object.named.clone()).collect();
        self.objects.iter().map(|(name, list)| (name.clone(), named(list))).collect()
    }
}

/// Where an object is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Place(usize, usize);

/// Splits `idle[3]` into its name and its index.
pub fn split(reference: &str) -> (&str, Option<usize>) {
    let parts = reference.strip_suffix(']').and_then(|rest| rest.rsplit_once('['));
    match parts.map(|(name, index)| (name, index.parse())) {
        Some((name, Ok(index))) => (name, Some(index)),
        _ => (reference, None),
    }
}

/// The names by descriptor number.
#[derive(Clone, Debug, Default)]
pub struct Labels(Arc<RwLock<BTreeMap<RawFd, String>>>);

impl Labels {
    /// What a descriptor is called.
    pub fn of(&self, fd: RawFd) -> String {
        let labels = self.0.read().unwrap_or_else(PoisonError::into_inner);
        labels.get(&fd).cloned().unwrap_or_else(|| format!("descriptor {fd}"))
    }
}

/// The bits of a registration.
pub fn mask(flags: &[EpollFlag]) -> u32 {
    let bit = |flag: &EpollFlag| match flag {
        EpollFlag::In => libc::EPOLLIN,
        EpollFlag::Out => libc::EPOLLOUT,
        EpollFlag::Pri => libc::EPOLLPRI,
        EpollFlag::Rdhup => libc::EPOLLRDHUP,
        EpollFlag::Et => libc::EPOLLET,
        EpollFlag::Oneshot => libc::EPOLLONESHOT,
        EpollFlag::Exclusive => libc::EPOLLEXCLUSIVE,
    };
    flags.iter().map(bit).fold(0, |mask, bit| mask | bit.cast_unsigned())
}

/// The names of reported bits. Those of epoll and of poll have the same values.
pub fn bits(mask: u32) -> Vec<String> {
    const BITS: [(i16, &str); 7] = [
        (libc::POLLIN, "IN"),
        (libc::POLLPRI, "PRI"),
        (libc::POLLOUT, "OUT"),
        (libc::POLLERR, "ERR"),
        (libc::POLLHUP, "HUP"),
        (libc::POLLNVAL, "NVAL"),
        (libc::POLLRDHUP, "RDHUP"),
    ];
    let set = |bit: i16| mask & u32::from(bit.cast_unsigned()) != 0;
    BITS.iter().filter(|(bit, _)| set(*bit)).map(|(_, name)| (*name).to_owned()).collect()
}

/// The name of a system call, of those that tasks of a case sleep in.
pub fn call_name(number: i64) -> String {
    const NAMES: [(i64, &str); 24] = [
        (libc::SYS_read, "read"),
        (libc::SYS_readv, "readv"),
        (libc::SYS_recvfrom, "recvfrom"),
        (libc::SYS_recvmsg, "recvmsg"),
        (libc::SYS_write, "write"),
        (libc::SYS_writev, "writev"),
        (libc::SYS_sendto, "sendto"),
        (libc::SYS_sendmsg, "sendmsg"),
        (libc::SYS_bind, "bind"),
        (libc::SYS_listen, "listen"),
        (libc::SYS_connect, "connect"),
        (libc::SYS_accept, "accept"),
        (libc::SYS_accept4, "accept4"),
        (libc::SYS_pselect6, "pselect6"),
        (libc::SYS_ppoll, "ppoll"),
        (libc::SYS_epoll_pwait, "epoll_pwait"),
        (libc::SYS_epoll_pwait2, "epoll_pwait2"),
        (libc::SYS_io_uring_enter, "io_uring_enter"),
        (libc::SYS_futex, "futex"),
        (libc::SYS_wait4, "wait4"),
        (libc::SYS_waitid, "waitid"),
        (libc::SYS_nanosleep, "nanosleep"),
        (libc::SYS_clock_nanosleep, "clock_nanosleep"),
        (libc::SYS_rt_sigtimedwait, "rt_sigtimedwait"),
    ];
    // The calls that only older architectures have.
    #[cfg(target_arch = "x86_64")]
    const OLDER: [(i64, &str); 4] = [
        (libc::SYS_select, "select"),
        (libc::SYS_poll, "poll"),
        (libc::SYS_epoll_wait, "epoll_wait"),
        (libc::SYS_pause, "pause"),
    ];
    #[cfg(not(target_arch = "x86_64"))]
    const OLDER: [(i64, &str); 0] = [];
    let name = NAMES.iter().chain(&OLDER).find(|(known, _)| *known == number);
    name.map_or_else(|| format!("system call {number}"), |(_, name)| (*name).to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn object(fd: RawFd) -> Object {
        Object { named: Named::Descriptor { fd, local: 0, remote: 0 }, fd, open: None }
    }

    #[test]
    fn a_name_for_several_is_addressed_by_index() {
        let mut names = Names::default();
        for fd in 10..13 {
            names.add("idle", object(fd));
        }
        names.add("one", object(20));
        assert_eq!(names.find("idle").unwrap().len(), 3);
        let third = names.one("idle[2]").unwrap();
        assert_eq!((names.fd(third), names.label(third)), (12, "idle[2]".to_owned()));
        assert_eq!(names.labels().of(10), "idle[0]");
        assert_eq!(names.labels().of(20), "one");
        assert_eq!(
            names.find("idle[3]"),
            Err(Failure::Broken("there is no `idle[3]`: `idle` stands for 3".to_owned()))
        );
        let Err(Failure::Broken(why)) = names.find("two") else { panic!("a name out of nothing") };
        assert_eq!(why, "nothing is called `two` here; there is `idle`, `one`");
    }

    #[test]
    fn an_index_is_a_number_in_brackets() {
        assert_eq!(split("idle[3]"), ("idle", Some(3)));
        assert_eq!(split("idle"), ("idle", None));
        assert_eq!(split("idle[x]"), ("idle[x]", None));
    }

    #[test]
    fn bits_have_the_names_of_the_manual() {
        assert_eq!(bits(0x2019), ["IN", "ERR", "HUP", "RDHUP"]);
        assert_eq!(mask(&[EpollFlag::In, EpollFlag::Et]), 0x8000_0001);
    }
}
