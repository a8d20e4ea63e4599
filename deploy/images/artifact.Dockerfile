# A worker with an artifact of your own, named by its digest, so that another artifact is another image:
#   docker build -f deploy/images/artifact.Dockerfile -t my.registry/stall-worker:0123456789abcdef artifact
# For a GPU's plan: --build-arg BASE=stall-stream/worker-tensorrt:0.1.0
ARG BASE=stall-stream/worker:0.1.0

FROM ${BASE}
COPY --chown=10001:10001 . /artifact
ENV STALL_ARTIFACT=/artifact
USER 10001:10001
