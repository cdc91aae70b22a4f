# A SIPp caller for compose.yml.
FROM debian:bookworm-slim
RUN apt-get update \
    && apt-get install -y --no-install-recommends sip-tester \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --system --uid 10001 sipp
USER sipp
WORKDIR /tmp
ENTRYPOINT ["sipp"]
