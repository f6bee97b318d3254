"""The example of a table of runs in CSV: that of a row, with one figure."""

CSV = """\
run,state,reason,simulated,tainted,taints,workload,scenario,parameters,load,engine,fingerprint,labels,\
experiment,cell,repeat,role,node,partition_kind,partition_profile,partition_model,partition_uuid,gpu_uuid,\
priority,attempt,created_at,started_at,finished_at,duration_s,window_s,latency_mean,latency_mean_unit,\
latency_mean_scope,latency_mean_low,latency_mean_high,latency_mean_level
"019ab3f2-7c1e-7d10-9d4e-5b1f0c2a6e77","succeeded",,false,true,"busy_instances","vit-c-1gf","single_stream",\
"{""batch_size"": 1, ""image_size"": 224, ""classes"": 1000}",,"{""runtime"": ""compile"",\
 ""precision"": ""bf16"", ""channels_last"": false}",\
"5f1d3c9a8e7b6a5040302010f0e0d0c0b0a090807060504030201000ffeeddcc","{""commit"": ""4f1c2d7"",\
 ""experiment"": ""profiles""}","019ab3f1-64d0-7a92-b1c3-7e2f90a4d615",3,0,"client","gpu-node-3","mig",\
"1g.10gb","NVIDIA H100 80GB HBM3","MIG-2f0c0a57-6d0d-5f5e-9a38-9a4d4f6f4c11",\
"GPU-8c9a5a0e-1f4e-3b51-8d55-0c6f5e0e7a42",0,1,2026-03-02 09:15:00.120000Z,2026-03-02 09:15:00.481000Z,\
2026-03-02 09:15:09.032000Z,8.551,5.004,4.118,"ms","process",4.102,4.134,0.95
"""
