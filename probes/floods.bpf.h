// Bounds how many acts one call can be: a flood must not push out what others do.

enum merging { MERGE_NOTHING, MERGE_ARGUMENTS, MERGE_CALLERS };

static inline void merge(struct scratch *s, u32 signal)
{
	count(signal, COUNTER_MERGED);
	s->act.head[0].flags |= EVENT_FLAG_MERGED;
}

// True where a call comes from ever other native stacks.
static inline bool has_many_callers(struct act_key *key)
{
	key->native = 0;
	key->arguments = 1; // no hash of arguments that were merged
	u64 one = 1, *seen = variants.lookup(key);
	if (!seen)
		variants.update(key, &one);
	else if (*seen >= MAX_CALLERS)
		return true;
	else
		__sync_fetch_and_add(seen, 1);
	return false;
}

// True where the act's native stack is one too many.
static inline bool is_from_too_many(const struct act_key *act)
{
	struct act_key key = *act;
	key.arguments = 0;
	u64 one = 1;
	if (!key.native || variants.lookup(&key))
		return false;
	if (has_many_callers(&key))
		return true;
	key.native = act->native;
	key.arguments = 0;
	variants.update(&key, &one);
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
	u64 one = 1, *seen = variants.lookup(&key);
	if (!seen) {
		variants.update(&key, &one);
		return MERGE_NOTHING;
	}
	if (*seen >= MAX_VARIANTS) {
		merge(s, act->signal);
		return MERGE_ARGUMENTS;
	}
	__sync_fetch_and_add(seen, 1);
	return MERGE_NOTHING;
}
