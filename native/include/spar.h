/* spar.h: the one public header of the native engine. C99, ABI version 1.
 *
 * The engine knows three things: forward (batch -> log-prob of every scored token), backward
 * (dL/dlogp of every token -> gradients) and an optimizer step; and it can sample. It reads no
 * files: the host parses, validates and copies weights into memory that the engine owns.
 *
 * Rules that hold for every function:
 *   - returns SPAR_OK or one of the SPAR_E_ codes; results leave through pointers;
 *   - on failure nothing that the caller can see has changed, unless the comment says otherwise,
 *     and spar_error() on the handle named in the comment tells op, shapes and reason;
 *   - a struct argument begins with `size`, filled by the caller with sizeof of its own version;
 *   - one thread at a time per context and everything opened from it; any thread may do so.
 *     Only spar_cancel() may be called at any time from any thread;
 *   - memory handed out belongs to the handle it came from and dies with it; the engine keeps no
 *     caller pointer after a call returns, except where stated;
 *   - nothing here prints, exits, aborts or throws.
 *
 * Letters: M rows (tokens of a batch), T targets (scored rows), C hidden size, H query heads,
 * G key/value heads, D head size, F feed-forward size, V vocabulary, P parameters.
 */
#ifndef SPAR_H
#define SPAR_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define SPAR_API __attribute__((visibility("default")))

#define SPAR_ABI_VERSION 1

/* status */
#define SPAR_OK 0
#define SPAR_E_INVALID 1   /* an argument is wrong; the text says which and why */
#define SPAR_E_NOMEM 2     /* an allocation failed; the text says how many bytes for what */
#define SPAR_E_STATE 3     /* calls out of order: weights not prepared, no forward before backward */
#define SPAR_E_NONFINITE 4 /* a NaN or infinity; the text names where; weights are untouched */
#define SPAR_E_CANCELLED 5 /* spar_cancel() was called; outputs of the call are undefined */
#define SPAR_E_INTERNAL 6  /* a bug in the engine; the text says where */

/* precision: how weights are held for computing. Masters, activations and sums are fp32 in both. */
#define SPAR_FP32 0
#define SPAR_BF16 1 /* matrices rounded to bfloat16 (nearest even), multiplied in fp32 */

/* kernel families of the CPU backend, in order of preference */
#define SPAR_ISA_AUTO 0
#define SPAR_ISA_REF 1  /* plain loops in double: the truth that the others are tested against */
#define SPAR_ISA_BASE 2 /* what every CPU of this architecture has */
#define SPAR_ISA_AVX2 3
#define SPAR_ISA_AVX512 4
#define SPAR_ISA_AVX512BF16 5 /* bf16 products by vdpbf16ps; all else as AVX512 */
#define SPAR_ISA_AMX 6        /* bf16 products by tiles; all else as AVX512BF16 */

#define SPAR_OPTIM_ADAMW 0
#define SPAR_OPTIM_RMSPROP 1

#define SPAR_FINISH_NONE 0   /* still running */
#define SPAR_FINISH_STOP 1   /* a stop id was drawn; it is the last id */
#define SPAR_FINISH_LENGTH 2 /* max_new_tokens reached */
#define SPAR_FINISH_HOST 3   /* ended by spar_sampler_stop */

typedef struct spar_context spar_context;
typedef struct spar_model spar_model;
typedef struct spar_batch spar_batch;
typedef struct spar_optimizer spar_optimizer;
typedef struct spar_sampler spar_sampler;

/* ---- library -------------------------------------------------------------------------------- */

typedef struct spar_info {
  int64_t size;
  int32_t abi_version;
  int32_t isa_best;         /* the SPAR_ISA_ that AUTO chooses on this CPU */
  int32_t isa_mask;         /* bit i set: SPAR_ISA_ i can run here */
  int32_t cpu_count;        /* CPUs this process may use: affinity and cgroup quota, rounded up */
  char backend[16];         /* "cpu" */
  char build[48];           /* compiler and flags digest */
  char cpu[64];             /* CPU model name */
  int64_t struct_sizes[32]; /* sizeof each struct of this header, in order of declaration; rest 0 */
} spar_info;

/* Fills *out. Needs no handle. Fails only on a wrong size (and then writes nothing). */
SPAR_API int32_t spar_library_info(spar_info* out);

/* ---- context -------------------------------------------------------------------------------- */

typedef struct spar_context_desc {
  int64_t size;
  int32_t num_threads; /* 0: cpu_count */
  int32_t isa;         /* SPAR_ISA_ */
  char* breadcrumb;    /* NULL, or 64 bytes kept by the caller for the context's life: the name of
                          the op in hand is written there before it starts, for post-mortems */
} spar_context_desc;

typedef struct spar_op_profile {
  int64_t size;
  char name[48]; /* op kind, e.g. "linear_forward" */
  int64_t calls;
  int64_t time_ns;
  int64_t flops; /* as stated in the op's op.h */
  int64_t bytes;
} spar_op_profile;

typedef struct spar_probe {
  int64_t size;
  double fp32_gflops;     /* fp32 multiply-add peak of this context's threads and ISA */
  double bf16_gflops;     /* peak of its bf16 products; fp32_gflops when it multiplies bf16 in fp32 */
  double read_gb_per_s;   /* DRAM read */
  double copy_gb_per_s;   /* bytes read and written by a copy */
  double update_gb_per_s; /* bytes read and written by an update in place */
} spar_probe;

/* Opens a context with its own thread pool. Errors: INVALID (no error text: no handle exists). */
SPAR_API int32_t spar_context_open(const spar_context_desc* desc, spar_context** out);
/* Closes it. Everything opened from it must be closed before; otherwise STATE. */
SPAR_API int32_t spar_context_close(spar_context* context);
/* Copies the text of the last failure on this context (models, batches, optimizers and samplers
 * report to their context) into buffer, NUL-terminated, cut at capacity. */
SPAR_API int32_t spar_error(spar_context* context, char* buffer, int64_t capacity);
/* Makes the call in progress, if any, end with CANCELLED after the op in hand. */
SPAR_API int32_t spar_cancel(spar_context* context);
/* Switches per-op timing on (1) or off (0) and clears the totals. */
SPAR_API int32_t spar_profile_start(spar_context* context, int32_t on);
/* Writes up to capacity entries (each with `size` set) and their number. */
SPAR_API int32_t spar_profile_read(spar_context* context, spar_op_profile* out, int32_t capacity, int32_t* count);
/* Measures the machine's limits for about milliseconds of wall time. */
SPAR_API int32_t spar_probe_run(spar_context* context, int32_t milliseconds, spar_probe* out);

/* ---- model ---------------------------------------------------------------------------------- */

/* A decoder-only transformer of the Llama kind: RMSNorm, rotary positions, grouped-query
 * attention, SwiGLU. Covers Llama, SmolLM2, Mistral, Qwen2/2.5 and Qwen3. */
typedef struct spar_model_spec {
  int64_t size;
  int32_t vocab_size;  /* V, any value >= 1 */
  int32_t hidden_size; /* C */
  int32_t num_layers;
  int32_t num_heads;          /* H, a multiple of num_kv_heads */
  int32_t num_kv_heads;       /* G */
  int32_t head_dim;           /* D, even; need not be C / H */
  int32_t intermediate_size;  /* F */
  int32_t max_positions;      /* positions 0..max_positions-1 may occur; sizes the rotary table */
  int32_t tie_embeddings;     /* 1: the head is the embedding matrix */
  int32_t qkv_bias;           /* 1: q, k, v projections have a bias (Qwen2) */
  int32_t qk_norm;            /* 1: RMSNorm over each head of q and k before rotation (Qwen3) */
  int32_t sliding_window;     /* 0: none; w: a query sees keys at distance < w (Mistral) */
  int32_t window_first_layer; /* first layer that has the window */
  float norm_eps;
  double rope_scale;           /* factor on cos and sin (YaRN's attention factor), usually 1 */
  const double* rope_inv_freq; /* D/2 rotary frequencies in radians per position; copied */
} spar_model_spec;

typedef struct spar_model_desc {
  int64_t size;
  int32_t precision; /* SPAR_FP32 or SPAR_BF16 */
  int32_t trainable; /* 1: gradients and backward panels exist */
} spar_model_desc;

/* One weight, by its Hugging Face name ("model.layers.0.self_attn.q_proj.weight"). */
typedef struct spar_tensor {
  int64_t size;
  char name[96];
  int32_t ndim;
  int32_t decay;    /* 1: matrices, which weight decay applies to; 0: norms and biases */
  int64_t shape[2]; /* [out, in] for matrices, [n, 1] for vectors; row-major */
  int64_t offset;   /* of its first element in the flat parameter vector of P floats */
  int64_t elements;
  float* data; /* fp32 master, writable until spar_model_prepare */
  float* grad; /* fp32 gradient, accumulated by spar_backward; NULL when not trainable */
} spar_tensor;

/* Allocates weights (zeroed), gradients and packed copies. Errors go to the context. */
SPAR_API int32_t spar_model_open(spar_context* context, const spar_model_spec* spec, const spar_model_desc* desc,
                                 spar_model** out);
/* Frees it; STATE while batches, optimizers or samplers of it are open. */
SPAR_API int32_t spar_model_close(spar_model* model);
/* The index-th tensor, in a fixed order; INVALID past the end (out is then untouched). */
SPAR_API int32_t spar_model_tensor(spar_model* model, int32_t index, spar_tensor* out);
/* Packs the masters for computing. Call after writing weights; the optimizer step does it itself.
 * NONFINITE when a weight is NaN or infinite: the text names the tensor and index. */
SPAR_API int32_t spar_model_prepare(spar_model* model);
/* Zeroes all gradients. */
SPAR_API int32_t spar_model_zero_grad(spar_model* model);

/* ---- batch ---------------------------------------------------------------------------------- */

/* A run of consecutive rows that attends causally to itself and wholly to the chain of its
 * prefixes. Positions continue along the chain. */
typedef struct spar_segment {
  int32_t first_row;
  int32_t num_rows; /* >= 1 */
  int32_t prefix;   /* index of an earlier segment, or -1 */
  int32_t reserved; /* 0 */
} spar_segment;

typedef struct spar_batch_desc {
  int64_t size;
  int32_t max_rows;
  int32_t max_segments;
  int32_t max_targets; /* rows with a target; <= max_rows */
  int32_t train;       /* 1: keeps activations so that spar_backward may follow */
} spar_batch_desc;

/* Native arrays, 64-byte aligned, of the capacities of the batch. */
typedef struct spar_batch_arrays {
  int64_t size;
  int32_t* token;        /* in  [max_rows] */
  int32_t* position;     /* in  [max_rows] */
  int32_t* target;       /* in  [max_rows] id to score, -1: none */
  float* coef;           /* in  [max_rows] dL/dlogp, read by spar_backward at rows with a target */
  float* logp;           /* out [max_rows] natural log, temperature 1; 0 where there is no target */
  float* entropy;        /* out [max_rows] nats; written when asked for */
  spar_segment* segment; /* in  [max_segments] */
} spar_batch_arrays;

typedef struct spar_forward_desc {
  int64_t size;
  int32_t num_rows;
  int32_t num_segments;
  int32_t want_entropy;
  int32_t reserved;
} spar_forward_desc;

/* Allocates arrays and the activation arena for the capacities. */
SPAR_API int32_t spar_batch_open(spar_model* model, const spar_batch_desc* desc, spar_batch** out);
SPAR_API int32_t spar_batch_close(spar_batch* batch);
SPAR_API int32_t spar_batch_pointers(spar_batch* batch, spar_batch_arrays* out);
/* Log-prob of every row's target. Same rows, same bits, whatever else is in the batch. INVALID:
 * ids, targets, positions or segments out of range, rows not covered once, prefix not earlier. */
SPAR_API int32_t spar_forward(spar_batch* batch, const spar_forward_desc* desc);
/* Adds the gradients of sum over rows of coef * logp to the model's. Needs a train batch whose
 * last call was spar_forward. */
SPAR_API int32_t spar_backward(spar_batch* batch);

/* ---- optimizer ------------------------------------------------------------------------------ */

typedef struct spar_optimizer_desc {
  int64_t size;
  int32_t kind; /* SPAR_OPTIM_ */
  int32_t reserved;
  double beta1; /* AdamW */
  double beta2; /* AdamW; RMSProp's alpha */
  double eps;
  double weight_decay; /* on matrices only: AdamW decoupled, RMSProp added to the gradient */
} spar_optimizer_desc;

typedef struct spar_step_desc {
  int64_t size;
  double learning_rate;
  double max_grad_norm; /* 0: no clipping; else PyTorch's clip_grad_norm_ over all gradients */
} spar_step_desc;

typedef struct spar_step_result {
  int64_t size;
  double grad_norm; /* l2 norm of all gradients before clipping */
  int64_t step;     /* number of steps taken, this one included */
} spar_step_result;

/* State vectors are P floats each, zero at first: AdamW exp_avg, exp_avg_sq; RMSProp square_avg. */
typedef struct spar_optimizer_state {
  int64_t size;
  int64_t step;     /* steps taken */
  int64_t elements; /* P */
  float* first;     /* exp_avg or square_avg */
  float* second;    /* exp_avg_sq or NULL */
} spar_optimizer_state;

SPAR_API int32_t spar_optimizer_open(spar_model* model, const spar_optimizer_desc* desc, spar_optimizer** out);
SPAR_API int32_t spar_optimizer_close(spar_optimizer* optimizer);
/* Clip, update masters and state, zero the gradients, pack. NONFINITE leaves everything as it was
 * except that *out holds the norm. */
SPAR_API int32_t spar_optimizer_step(spar_optimizer* optimizer, const spar_step_desc* desc, spar_step_result* out);
SPAR_API int32_t spar_optimizer_pointers(spar_optimizer* optimizer, spar_optimizer_state* out);
/* Sets the step counter after the host restored the state vectors. */
SPAR_API int32_t spar_optimizer_resume(spar_optimizer* optimizer, int64_t step);

/* ---- sampler -------------------------------------------------------------------------------- */

typedef struct spar_sampler_desc {
  int64_t size;
  int32_t max_rows; /* tokens computed per step: prompt rows and one row per running sequence */
  int32_t reserved;
  int64_t kv_tokens; /* capacity of the key/value pool in tokens */
} spar_sampler_desc;

/* num_samples continuations of one prompt. The first num_prompt - 1 tokens are the shared prefix;
 * each sample starts with the prompt's last token, as in a training group. */
typedef struct spar_request {
  int64_t size;
  int64_t id;              /* the caller's; returned with completions */
  const int32_t* prompt;   /* [num_prompt], copied */
  int32_t num_prompt;      /* >= 1 */
  int32_t num_samples;     /* >= 1 */
  int32_t first_sample;    /* sample numbers first_sample .. first_sample + num_samples - 1 */
  int32_t max_new_tokens;  /* >= 1 */
  const int32_t* stop_ids; /* [num_stop_ids], copied */
  int32_t num_stop_ids;
  int32_t top_k;     /* 0: off */
  float temperature; /* 0: greedy (lowest id wins a tie) */
  float top_p;       /* 1: off */
  float min_p;       /* 0: off */
  int32_t iteration; /* random draws are Philox4x32-10(key = seed, */
  uint64_t seed;     /*   counter = (token, sample, prompt_key, iteration)) */
  int32_t prompt_key;
  int32_t reserved;
} spar_request;

typedef struct spar_progress {
  int64_t size;
  int64_t tokens;   /* new tokens drawn in this call */
  int64_t prefill;  /* prompt rows computed in this call */
  int32_t running;  /* sequences now decoding */
  int32_t waiting;  /* sequences not admitted yet */
  int32_t finished; /* completions ready to take */
  int32_t reserved;
} spar_progress;

typedef struct spar_completion {
  int64_t size;
  int64_t id;
  int32_t sample;
  int32_t finish; /* SPAR_FINISH_ */
  int32_t num_tokens;
  int32_t found;        /* 0: there was none, the other fields are undefined */
  const int32_t* token; /* valid until the next call on the sampler */
  const float* logp;    /* log-softmax at temperature 1 over the whole vocabulary: the bits that
                           spar_forward gives for the same tokens in a group */
} spar_completion;

SPAR_API int32_t spar_sampler_open(spar_model* model, const spar_sampler_desc* desc, spar_sampler** out);
SPAR_API int32_t spar_sampler_close(spar_sampler* sampler);
/* Queues a request. INVALID when it could never fit into the pool; the text gives the need. */
SPAR_API int32_t spar_sampler_add(spar_sampler* sampler, const spar_request* request);
/* Up to max_steps steps; returns early when nothing is left to do. Draws do not depend on how
 * steps are cut or on what else runs. STATE when the weights are not prepared. */
SPAR_API int32_t spar_sampler_run(spar_sampler* sampler, int32_t max_steps, spar_progress* out);
/* Removes one finished completion, in order of (add, sample) among those finished. */
SPAR_API int32_t spar_sampler_take(spar_sampler* sampler, spar_completion* out);
/* Looks at the index-th running sequence (for stop strings). found = 0 past the end. */
SPAR_API int32_t spar_sampler_peek(spar_sampler* sampler, int32_t index, spar_completion* out);
/* Ends a running or finished, not yet taken sequence after its first num_tokens tokens (finish HOST). */
SPAR_API int32_t spar_sampler_stop(spar_sampler* sampler, int64_t id, int32_t sample, int32_t num_tokens);

/* ---- plan ----------------------------------------------------------------------------------- */

typedef struct spar_plan_desc {
  int64_t size;
  int32_t isa;            /* SPAR_ISA_ of the context that will be opened: each family packs its own way */
  int32_t optimizer_kind; /* SPAR_OPTIM_, or -1: none */
} spar_plan_desc;

/* Exact bytes that the open calls would allocate; nothing is allocated. */
typedef struct spar_plan {
  int64_t size;
  int64_t parameters;   /* P */
  int64_t weight_bytes; /* masters */
  int64_t gradient_bytes;
  int64_t packed_bytes; /* computing copies */
  int64_t optimizer_bytes;
  int64_t batch_bytes;   /* arrays and arena of one batch */
  int64_t sampler_bytes; /* pool, arena and logits of one sampler */
} spar_plan;

/* batch and sampler may be NULL: their bytes are then 0. INVALID: the family does not run here. */
SPAR_API int32_t spar_plan_bytes(const spar_plan_desc* desc, const spar_model_spec* spec, const spar_model_desc* model,
                                 const spar_batch_desc* batch, const spar_sampler_desc* sampler, spar_plan* out);
/* Text of the program that the batch (which = 0 forward, 1 backward) runs, one op a line with
 * arena offsets. *needed gets the bytes wanted, terminator included; text is cut at capacity. */
SPAR_API int32_t spar_batch_program(spar_batch* batch, int32_t which, char* text, int64_t capacity, int64_t* needed);

#ifdef __cplusplus
}
#endif
#endif
