# SPDX-License-Identifier: Apache-2.0
#
# The image that tools/image makes, by an engine: the same script in the first stage, on the Debian that is tested. What
# it puts together is the whole image, so the second stage begins with nothing.
#
#   docker buildx build --platform linux/amd64,linux/arm64 --tag REGISTRY/bulkhead-agent:0.1.0 --push .
FROM debian:bookworm-slim AS build
WORKDIR /src
COPY tools/setup tools/
RUN tools/setup
COPY . .
RUN tools/image --rootfs-only --out /image

FROM scratch
LABEL org.opencontainers.image.title="Bulkhead"
LABEL org.opencontainers.image.description="Isolates the tenants of a Kubernetes cluster from each other, with eBPF"
LABEL org.opencontainers.image.licenses="Apache-2.0 AND (GPL-2.0-only OR BSD-2-Clause)"
LABEL org.opencontainers.image.version="0.1.0"
COPY --from=build /image/rootfs /
ENV PATH=/usr/bin
ENTRYPOINT ["bulkhead-agent"]
