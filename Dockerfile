# One image for every process of the service; the command chooses which: api, scheduler, worker, db upgrade.
FROM python:3.11-slim-bookworm

ENV PYTHONUNBUFFERED=1 PIP_NO_CACHE_DIR=1
WORKDIR /opt/migperf

# Dependencies first: they change seldom, and PyTorch is large.
COPY pyproject.toml constraints.txt README.md LICENSE ./
COPY api api
COPY migperf migperf
COPY migrations migrations
COPY workloads workloads
RUN pip install --constraint constraints.txt .

RUN useradd --create-home --uid 10001 migperf && install --directory --owner migperf /var/lib/migperf
USER migperf
EXPOSE 8642
ENTRYPOINT ["migperf"]
CMD ["up"]
