// Bounds how many acts one call can be: a flood must not push out what others do.

enum merging { MERGE_NOTHING, MERGE_ARGUMENTS, MERGE_CALLERS };

static inline void merge(struct scratch *s, u32 signal)
{
	count(signal, COUNTER_MERGED);
	s->act.head[0].flags |= EVENT_FLAG_MERGED;
}

// What is told from others of a key.
static inline u64 variant_id(const struct act_key *key)
{
	return mix(mix(mix(mix(mix(key->account, key->stack), key->arguments), key->name), key->native), key->signal);
}

// Where a key is counted: at one of two places, else where that of less is, which is forgotten when it counts. At one
// place only where the verifier follows every round: it has no room for more paths there.
static inline struct variant *find_variant(u64 id)
{
	u32 place = id >> 48;
	struct variant *v = variants.lookup(&place);
#if HAS_MAY_GOTO
	u32 other = place ^ 1, tag = id;
	struct variant *w = variants.lookup(&other);
	if (v && w && v->tag != tag && (w->tag == tag || w->seen < v->seen))
		return w;
#endif
	return v;
}

// Count one more; false where there were as many as there may be.
static inline bool count_variant(const struct act_key *key, u32 most)
{
	u64 id = variant_id(key);
	u32 tag = id;
	struct variant *v = find_variant(id);
	if (!v)
		return true;
	if (v->tag != tag) {
		v->tag = tag;
		v->seen = 0;
	}
	if (v->seen >= most)
		return false;
	__sync_fetch_and_add(&v->seen, 1);
	return true;
}

// True where the act's native stack is one too many.
static inline bool is_from_too_many(const struct act_key *act)
{
	struct act_key key = *act;
	key.arguments = 0;
	u64 id = variant_id(&key);
	u32 tag = id;
	struct variant *v = find_variant(id);
	if (!key.native || !v || (v->tag == tag && v->seen))
		return false;
	key.native = 0;
	key.arguments = 1; // no hash of arguments that were merged
	if (!count_variant(&key, MAX_CALLERS))
		return true;
	v->tag = tag;
	v->seen = 1;
	return false;
}

// Tell where one call keeps coming with ever other arguments, or from ever other native stacks (a flood): the rest is
// counted together, under hash 0.
static inline enum merging limit_variants(struct scratch *s, const struct act_key *act, u64 image)
{
	struct act_key key = *act;
	key.account = image; // a process that floods does not take their arguments from later ones
	if (is_from_too_many(&key)) {
		merge(s, act->signal);
		return MERGE_CALLERS;
	}
	key.arguments = 0;
	key.native = 0;
	if (count_variant(&key, MAX_VARIANTS))
		return MERGE_NOTHING;
	merge(s, act->signal);
	return MERGE_ARGUMENTS;
}
