package com.cagen.quota.operations;

import com.cagen.quota.engine.operation.Catalog;
import com.cagen.quota.operations.audit.ListAudit;
import com.cagen.quota.operations.increase.ApproveIncrease;
import com.cagen.quota.operations.increase.CreateIncrease;
import com.cagen.quota.operations.increase.GetIncrease;
import com.cagen.quota.operations.increase.ListIncreases;
import com.cagen.quota.operations.increase.RejectIncrease;
import com.cagen.quota.operations.increase.WithdrawIncrease;
import com.cagen.quota.operations.permission.GrantPermission;
import com.cagen.quota.operations.permission.ListPermissions;
import com.cagen.quota.operations.permission.RevokePermission;
import com.cagen.quota.operations.quota.AllocateQuota;
import com.cagen.quota.operations.quota.ApplyTree;
import com.cagen.quota.operations.quota.CreateQuota;
import com.cagen.quota.operations.quota.DrainQuota;
import com.cagen.quota.operations.quota.ExportTree;
import com.cagen.quota.operations.quota.GetQuota;
import com.cagen.quota.operations.quota.ListQuotas;
import com.cagen.quota.operations.quota.ListTree;
import com.cagen.quota.operations.quota.MoveQuota;
import com.cagen.quota.operations.quota.ReleaseQuota;
import com.cagen.quota.operations.quota.ResumeQuota;
import com.cagen.quota.operations.quota.SuspendQuota;
import com.cagen.quota.operations.quota.TransferQuota;
import com.cagen.quota.operations.quota.UpdateQuota;
import com.cagen.quota.operations.reservation.CancelReservation;
import com.cagen.quota.operations.reservation.CommitReservation;
import com.cagen.quota.operations.reservation.CreateReservation;
import com.cagen.quota.operations.reservation.ExpireReservations;
import com.cagen.quota.operations.reservation.ExtendReservation;
import com.cagen.quota.operations.reservation.GetReservation;
import com.cagen.quota.operations.reservation.ListReservations;
import com.cagen.quota.operations.usage.AllocateUsage;
import com.cagen.quota.operations.usage.BatchUsage;
import com.cagen.quota.operations.usage.DeallocateUsage;
import com.cagen.quota.operations.usage.ListRuntimes;
import com.cagen.quota.operations.usage.ReconcileUsage;
import com.cagen.quota.operations.usage.TransferUsage;
import com.cagen.quota.operations.usage.UsageHistory;
import com.cagen.quota.operations.usage.UsageOverTime;
import java.util.List;

/** The registry: routes, bus addresses, message types, audit actions and metrics are made from this list. */
public final class Operations {
    /** The busiest first, as routes are tried one after the other. */
    public static final Catalog CATALOG = new Catalog(List.of(
            new AllocateUsage(),
            new DeallocateUsage(),
            new GetQuota(),
            new CreateQuota(),
            new ListQuotas(),
            new ListTree(),
            new AllocateQuota(),
            new ReleaseQuota(),
            new SuspendQuota(),
            new ResumeQuota(),
            new UpdateQuota(),
            new DrainQuota(),
            new TransferQuota(),
            new MoveQuota(),
            new ApplyTree(),
            new ExportTree(),
            new TransferUsage(),
            new BatchUsage(),
            new ReconcileUsage(),
            new CreateReservation(),
            new CommitReservation(),
            new CancelReservation(),
            new ExtendReservation(),
            new GetReservation(),
            new ListReservations(),
            new ExpireReservations(),
            new CreateIncrease(),
            new ListIncreases(),
            new GetIncrease(),
            new ApproveIncrease(),
            new RejectIncrease(),
            new WithdrawIncrease(),
            new UsageHistory(),
            new UsageOverTime(),
            new ListRuntimes(),
            new GrantPermission(),
            new RevokePermission(),
            new ListPermissions(),
            new ListAudit()));

    private Operations() {}
}
