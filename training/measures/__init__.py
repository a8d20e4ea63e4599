"""How well logits tell stalled from flowing, with what the number of clips and projects leaves open. Needs no torch.

Sensitivity and specificity belong to the network and its threshold; MCC, PPV and PR-AUC belong to the share of stalled
clips as well. So all of them are computed from rates at a stated prevalence: the set's own, or another for which
the set's clips are re-weighted, which holds as far as stalled clips look alike wherever they come from, and
flowing ones too.
"""

from training.measures.bootstrap import Estimate
from training.measures.evaluation import Evaluation, evaluate
from training.measures.ranking import Ranking, Rates, mcc_at, ppv_at

__all__ = ["Estimate", "Evaluation", "Ranking", "Rates", "evaluate", "mcc_at", "ppv_at"]
