# One image for every process of the service; the command chooses which: api, scheduler, worker, db upgrade.
FROM python:3.11-slim-bookworm

ENV PYTHONUNBUFFERED=1 PIP_NO_CACHE_DIR=1
WORKDIR /opt/migperf

# Dependencies first: they change seldom, and PyTorch is large.
COPY pyproject.toml setup.py constraints.txt README.md LICENSE ./
COPY api api
COPY migperf migperf
COPY migrations migrations
COPY workloads workloads
# The compiler is for the sampler's compiled part alone; without it the image works, and sampling costs more.
RUN apt-get update && apt-get install --yes --no-install-recommends gcc libc6-dev \
    && pip install --constraint constraints.txt . \
    && apt-get purge --yes --auto-remove gcc libc6-dev && rm -rf /var/lib/apt/lists/*

RUN useradd --create-home --uid 10001 migperf && install --directory --owner migperf /var/lib/migperf
USER migperf
EXPOSE 8642
ENTRYPOINT ["migperf"]
CMD ["up"]
