//! [`Admission`]: who may run a query now, fairly among tenants.
//!
//! There are slots for all and fewer for each tenant, so that one tenant's long queries leave room for the others. Who
//! finds none waits; the tenants that wait take turns, each with its oldest query. The queue is bounded, and no tenant
//! gets more than half of it. Never here: deadlines of running queries, memory.

use crate::QueryError;
use gantry_model::TenantId;
use parking_lot::Mutex;
use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use tokio::sync::oneshot;
use tokio::time::{Instant, timeout_at};

#[derive(Debug)]
pub struct Admission {
    limits: Limits,
    state: Mutex<State>,
}

/// How many queries may run and wait.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    pub running: usize,
    pub running_of_tenant: usize,
    pub waiting: usize,
}

#[derive(Debug, Default)]
struct State {
    running: usize,
    waiting: usize,
    tenants: HashMap<TenantId, Tenant>,
    /// Tenants that wait, each once; the first one is next.
    turns: VecDeque<TenantId>,
    last_ticket: u64,
}

#[derive(Debug, Default)]
struct Tenant {
    running: usize,
    waiting: VecDeque<(u64, oneshot::Sender<Permit>)>,
}

/// The right to run one query, given back when dropped.
#[derive(Debug)]
pub struct Permit {
    admission: Arc<Admission>,
    tenant: TenantId,
}

/// A place in the queue, left when dropped.
struct Place<'a> {
    admission: &'a Admission,
    tenant: &'a TenantId,
    ticket: u64,
}

impl Admission {
    pub fn new(limits: Limits) -> Arc<Self> {
        Arc::new(Admission { limits, state: Mutex::default() })
    }

    /// Waits for a slot until `deadline`.
    ///
    /// # Errors
    /// [`QueryError::Overloaded`] at once when the queue is full, or the tenant's half of it, and at the deadline.
    pub async fn enter(self: &Arc<Self>, tenant: &TenantId, deadline: Instant) -> Result<Permit, QueryError> {
        let (ticket, granted) = {
            let mut state = self.state.lock();
            if state.running < self.limits.running && state.running_of(tenant) < self.limits.running_of_tenant {
                return Ok(self.grant(&mut state, tenant));
            }
            self.queue(&mut state, tenant)?
        };
        let _place = Place { admission: self, tenant, ticket };
        match timeout_at(deadline, granted).await {
            Ok(Ok(permit)) => Ok(permit),
            _ => Err(QueryError::Overloaded),
        }
    }

    /// Queries that wait.
    pub fn waiting(&self) -> usize {
        self.state.lock().waiting
    }

    fn grant(self: &Arc<Self>, state: &mut State, tenant: &TenantId) -> Permit {
        state.running += 1;
        state.tenants.entry(tenant.clone()).or_default().running += 1;
        Permit { admission: self.clone(), tenant: tenant.clone() }
    }

    fn queue(&self, state: &mut State, tenant: &TenantId) -> Result<(u64, oneshot::Receiver<Permit>), QueryError> {
        let of_tenant = state.tenants.get(tenant).map_or(0, |tenant| tenant.waiting.len());
        if state.waiting >= self.limits.waiting || of_tenant >= self.limits.waiting.div_ceil(2) {
            return Err(QueryError::Overloaded);
        }
        state.waiting += 1;
        state.last_ticket += 1;
        let (sender, granted) = oneshot::channel();
        let ticket = state.last_ticket;
        if of_tenant == 0 {
            state.turns.push_back(tenant.clone());
        }
        state.tenants.entry(tenant.clone()).or_default().waiting.push_back((ticket, sender));
        Ok((ticket, granted))
    }

    /// Gives free slots to those who wait. What nobody took is dropped by the caller, without the lock.
    fn dispatch(self: &Arc<Self>, state: &mut State) -> Vec<Permit> {
        let mut refused = Vec::new();
        let mut passed_over = 0;
        while state.running < self.limits.running && passed_over < state.turns.len() {
            let Some(tenant) = state.turns.pop_front() else { break };
            if state.running_of(&tenant) >= self.limits.running_of_tenant {
                passed_over += 1;
                state.turns.push_back(tenant);
                continue;
            }
            passed_over = 0;
            let Some((_, sender)) = state.tenants.get_mut(&tenant).and_then(|t| t.waiting.pop_front()) else {
                continue;
            };
            state.waiting -= 1;
            let permit = self.grant(state, &tenant);
            refused.extend(sender.send(permit).err());
            if state.tenants.get(&tenant).is_some_and(|tenant| !tenant.waiting.is_empty()) {
                state.turns.push_back(tenant);
            }
        }
        refused
    }

    fn leave(self: &Arc<Self>, tenant: &TenantId) {
        let mut state = self.state.lock();
        state.running -= 1;
        if let Some(of_tenant) = state.tenants.get_mut(tenant) {
            of_tenant.running -= 1;
        }
        state.forget_idle(tenant);
        let refused = self.dispatch(&mut state);
        drop(state);
        drop(refused);
    }
}

impl State {
    fn running_of(&self, tenant: &TenantId) -> usize {
        self.tenants.get(tenant).map_or(0, |tenant| tenant.running)
    }

    fn forget_idle(&mut self, tenant: &TenantId) {
        if self.tenants.get(tenant).is_some_and(|tenant| tenant.running == 0 && tenant.waiting.is_empty()) {
            self.tenants.remove(tenant);
        }
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.admission.leave(&self.tenant);
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        let mut state = self.admission.state.lock();
        let Some(tenant) = state.tenants.get_mut(self.tenant) else { return };
        let before = tenant.waiting.len();
        tenant.waiting.retain(|(ticket, _)| *ticket != self.ticket);
        let (left, empty) = (before - tenant.waiting.len(), tenant.waiting.is_empty());
        state.waiting -= left;
        if left > 0 && empty {
            state.turns.retain(|waiting| waiting != self.tenant);
        }
        state.forget_idle(self.tenant);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;
    use tokio::task::JoinHandle;

    type Entering = JoinHandle<Result<Permit, QueryError>>;

    fn tenant(name: &str) -> TenantId {
        TenantId::new(name).unwrap()
    }

    fn soon() -> Instant {
        Instant::now() + Duration::from_secs(20)
    }

    fn admission(running: usize, running_of_tenant: usize, waiting: usize) -> Arc<Admission> {
        Admission::new(Limits { running, running_of_tenant, waiting })
    }

    /// Starts to wait, and returns when it stands in the queue.
    async fn wait(admission: &Arc<Admission>, name: &str) -> Entering {
        let (shared, tenant, before) = (admission.clone(), tenant(name), admission.waiting());
        let entering = tokio::spawn(async move { shared.enter(&tenant, soon()).await });
        while admission.waiting() == before {
            tokio::task::yield_now().await;
        }
        entering
    }

    async fn entered(entering: Entering) -> Permit {
        entering.await.unwrap().unwrap()
    }

    #[tokio::test]
    async fn a_tenant_with_many_queries_leaves_a_slot_to_others() {
        let admission = admission(3, 2, 10);
        let first = admission.enter(&tenant("heavy"), soon()).await.unwrap();
        let _second = admission.enter(&tenant("heavy"), soon()).await.unwrap();
        let third = wait(&admission, "heavy").await;
        let _other = admission.enter(&tenant("light"), soon()).await.unwrap();
        assert_eq!(admission.waiting(), 1);
        drop(first);
        entered(third).await;
    }

    #[tokio::test]
    async fn tenants_that_wait_take_turns() {
        let admission = admission(1, 1, 20);
        let running = admission.enter(&tenant("heavy"), soon()).await.unwrap();
        let heavy = [wait(&admission, "heavy").await, wait(&admission, "heavy").await];
        let light = wait(&admission, "light").await;
        let [second, third] = heavy;
        drop(running);
        drop(entered(second).await);
        let light = entered(light).await;
        assert!(!third.is_finished(), "the other tenant came first, though it asked later");
        drop(light);
        drop(entered(third).await);
        assert!(admission.state.lock().tenants.is_empty(), "nothing is left behind");
    }

    #[tokio::test]
    async fn the_queue_is_bounded_and_half_of_it_is_for_others() {
        let admission = admission(1, 1, 4);
        let _running = admission.enter(&tenant("heavy"), soon()).await.unwrap();
        let _waiting = [wait(&admission, "heavy").await, wait(&admission, "heavy").await];
        let refused = |name: &'static str| {
            let admission = admission.clone();
            async move { matches!(admission.enter(&tenant(name), soon()).await, Err(QueryError::Overloaded)) }
        };
        assert!(refused("heavy").await, "its half is full");
        let _others = [wait(&admission, "a").await, wait(&admission, "b").await];
        assert!(refused("c").await, "all of it is full");
    }

    #[tokio::test]
    async fn who_gives_up_leaves_the_queue_and_takes_no_slot() {
        let admission = admission(1, 1, 10);
        let running = admission.enter(&tenant("a"), soon()).await.unwrap();
        let gone = wait(&admission, "b").await;
        gone.abort();
        assert!(gone.await.unwrap_err().is_cancelled());
        assert_eq!(admission.waiting(), 0);
        let late = admission.enter(&tenant("b"), Instant::now()).await;
        assert!(matches!(late, Err(QueryError::Overloaded)), "the deadline has passed");
        drop(running);
        drop(admission.enter(&tenant("b"), soon()).await.unwrap());
        assert_eq!(admission.state.lock().running, 0);
    }
}
