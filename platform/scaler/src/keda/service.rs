//! The service: which method a path means, and how messages are framed.

use super::{
    AHEAD, GetMetricSpecResponse, GetMetricsRequest, GetMetricsResponse, IsActiveResponse, MetricSpec, MetricValue,
    ScaledObjectRef, invalid, is_active, push, target, trigger, value,
};
use crate::scaler::Scaler;
use futures::future::BoxFuture;
use futures::stream::{self, BoxStream};
use futures::{FutureExt, StreamExt};
use gantry_model::TenantId;
use std::convert::Infallible;
use std::sync::Arc;
use std::task::{Context, Poll};
use tokio::sync::mpsc;
use tokio_util::task::AbortOnDropHandle;
use tonic::codegen::{Body, Service, StdError, http};
use tonic::metadata::MetadataMap;
use tonic::server::{Grpc, ServerStreamingService, UnaryService};
use tonic::{Request, Response, Status};
use tonic_prost::ProstCodec;

/// Largest request, in bytes.
const MOST_BYTES: usize = 1 << 20;

/// A service for paths `/externalscaler.ExternalScaler/METHOD`. Cheap to clone.
#[derive(Clone, Debug)]
pub struct ExternalScaler(Arc<Scaler>);

impl ExternalScaler {
    pub fn new(scaler: Arc<Scaler>) -> Self {
        ExternalScaler(scaler)
    }

    async fn active(self, request: Request<ScaledObjectRef>) -> Result<Response<IsActiveResponse>, Status> {
        let caller = caller(request.metadata())?;
        let (tenant, trigger) = trigger(request.get_ref(), caller)?;
        let value = value(&self.0, &tenant, &trigger.source).await?;
        Ok(Response::new(IsActiveResponse { result: is_active(&trigger.source, value) }))
    }

    async fn metric_spec(self, request: Request<ScaledObjectRef>) -> Result<Response<GetMetricSpecResponse>, Status> {
        let caller = caller(request.metadata())?;
        let (_, trigger) = trigger(request.get_ref(), caller)?;
        let target = target(&trigger.source);
        let target_size = target.ceil() as i64;
        let spec = MetricSpec { metric_name: trigger.metric, target_size, target_size_float: target };
        Ok(Response::new(GetMetricSpecResponse { metric_specs: vec![spec] }))
    }

    async fn metrics(self, request: Request<GetMetricsRequest>) -> Result<Response<GetMetricsResponse>, Status> {
        let caller = caller(request.metadata())?;
        let GetMetricsRequest { scaled_object_ref, metric_name } = request.into_inner();
        let object = scaled_object_ref.ok_or_else(|| invalid("the request names no object"))?;
        let (tenant, trigger) = trigger(&object, caller)?;
        if !metric_name.is_empty() && metric_name != trigger.metric {
            return Err(invalid(format!("there is no metric {metric_name:?}, only {:?}", trigger.metric)));
        }
        let value = value(&self.0, &tenant, &trigger.source).await?;
        // Versions without fractions take what is not too little.
        let metric_value = value.ceil() as i64;
        let value = MetricValue { metric_name: trigger.metric, metric_value, metric_value_float: value };
        Ok(Response::new(GetMetricsResponse { metric_values: vec![value] }))
    }

    async fn stream(self, request: Request<ScaledObjectRef>) -> Result<Response<ActiveStream>, Status> {
        let caller = caller(request.metadata())?;
        let (tenant, trigger) = trigger(request.get_ref(), caller)?;
        let (sender, receiver) = mpsc::channel(AHEAD);
        let filling = AbortOnDropHandle::new(tokio::spawn(push(self.0, tenant, trigger.source, sender)));
        let answers = stream::unfold((receiver, filling), |(mut receiver, filling)| async move {
            Some((receiver.recv().await?, (receiver, filling)))
        });
        Ok(Response::new(answers.boxed()))
    }
}

type ActiveStream = BoxStream<'static, Result<IsActiveResponse, Status>>;

/// The tenant of the call, as with OTLP.
fn caller(metadata: &MetadataMap) -> Result<TenantId, Status> {
    match metadata.get("x-scope-orgid").filter(|value| !value.is_empty()) {
        None => Ok(TenantId::default_tenant()),
        Some(name) => {
            TenantId::new(&String::from_utf8_lossy(name.as_bytes())).map_err(|wrong| invalid(wrong.to_string()))
        }
    }
}

/// A method as tonic calls it.
struct Method<F>(F);

impl<F, Fut, Req, Res> UnaryService<Req> for Method<F>
where
    F: FnMut(Request<Req>) -> Fut,
    Fut: Future<Output = Result<Response<Res>, Status>> + Send + 'static,
{
    type Response = Res;
    type Future = Fut;

    fn call(&mut self, request: Request<Req>) -> Fut {
        self.0(request)
    }
}

/// The method that answers with a stream.
struct Streaming(ExternalScaler);

impl ServerStreamingService<ScaledObjectRef> for Streaming {
    type Response = IsActiveResponse;
    type ResponseStream = ActiveStream;
    type Future = BoxFuture<'static, Result<Response<ActiveStream>, Status>>;

    fn call(&mut self, request: Request<ScaledObjectRef>) -> Self::Future {
        self.0.clone().stream(request).boxed()
    }
}

/// Serves one method.
macro_rules! unary {
    ($this:ident, $request:ident, $method:ident) => {{
        let mut grpc = Grpc::new(ProstCodec::default()).max_decoding_message_size(MOST_BYTES);
        let method = Method(move |request| ExternalScaler::$method($this.clone(), request));
        async move { Ok(grpc.unary(method, $request).await) }.boxed()
    }};
}

impl<B> Service<http::Request<B>> for ExternalScaler
where
    B: Body + Send + 'static,
    B::Error: Into<StdError> + Send + 'static,
{
    type Response = http::Response<tonic::body::Body>;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<B>) -> Self::Future {
        let this = self.clone();
        let path = request.uri().path();
        match path.rsplit_once('/').map_or(path, |(_, method)| method) {
            "IsActive" => unary!(this, request, active),
            "GetMetricSpec" => unary!(this, request, metric_spec),
            "GetMetrics" => unary!(this, request, metrics),
            "StreamIsActive" => {
                let mut grpc = Grpc::new(ProstCodec::default()).max_decoding_message_size(MOST_BYTES);
                async move { Ok(grpc.server_streaming(Streaming(this), request).await) }.boxed()
            }
            other => {
                let status = Status::unimplemented(format!("there is no method {other}"));
                async move { Ok(status.into_http()) }.boxed()
            }
        }
    }
}
